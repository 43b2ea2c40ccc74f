from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import row_reading
from joule.storage.postgres.copying import copy_out
from joule.storage.postgres.row_reading import snapshot
from joule.storage.postgres.server import CONNECTIONS_MAX
from joule.testing.engine_contract.checks import assert_runs_equal, make_rows, read_runs

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("int16", 1))


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_reading, "PAGE_BYTES", 70)  # seven rows
    monkeypatch.setattr(row_reading, "BOUNDARIES_MAX", 3)


async def fill(engine: PostgresEngine, runs: list[Any]) -> None:
    for rows in runs:
        engine.samples.append(STREAM, rows.copy(), starts_interval=True)
    await engine.samples.commit()


@pytest.mark.parametrize("length", [1, 5, 6, 7, 8, 14, 30])
async def test_breaks_are_told_wherever_pages_end(engine: PostgresEngine, length: int) -> None:
    runs = np.array_split(make_rows(STREAM.layout, range(0, 600, 10)), 60 // length)
    await fill(engine, runs)
    found, _ = await read_runs(engine.samples, STREAM)
    assert_runs_equal(found, runs)
    inner = Interval(int(runs[0]["timestamp"][-1]), int(runs[-1]["timestamp"][0]))
    found, _ = await read_runs(engine.samples, STREAM, inner)
    assert_runs_equal(found, [runs[0][-1:], *runs[1:-1]] if len(runs) > 2 else [runs[0][-1:]])


async def test_a_break_that_comes_while_a_read_goes_on_is_told(engine: PostgresEngine) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(0, 600, 10))])
    times: list[list[int]] = [[]]
    async for rows, starts_interval in engine.samples.read(STREAM, ALL_TIME):
        if not times[0]:
            assert await engine.samples.delete(STREAM, Interval(400, 450)) == 5
        if starts_interval:
            times.append([])
        times[-1] += rows["timestamp"].tolist()
    assert times == [list(range(0, 400, 10)), list(range(450, 600, 10))]


async def test_callers_that_take_their_time_hold_no_connection(engine: PostgresEngine) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(100))])
    async with AsyncExitStack() as stack:
        for _ in range(2 * CONNECTIONS_MAX):
            reading = await stack.enter_async_context(
                aclosing(engine.samples.read(STREAM, ALL_TIME))  # type: ignore[type-var]
            )
            await anext(reading)
        async with asyncio.timeout(30):
            assert await engine.samples.count(STREAM, Interval(5, 50)) == 45
            await engine.samples.drop([1])


async def test_readers_that_leave_give_back_what_they_had(engine: PostgresEngine) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(100))])
    for number in range(3 * CONNECTIONS_MAX):
        reading = engine.samples.read(STREAM, ALL_TIME)
        await anext(reading)
        await asyncio.sleep(0.001 * (number % 3))
        await reading.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(30):
        found, _ = await read_runs(engine.samples, STREAM)
    assert sum(map(len, found)) == 100


async def test_a_stream_that_is_dropped_ends_what_is_read_of_it(engine: PostgresEngine) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(100))])
    seen = 0
    async for rows, _ in engine.samples.read(STREAM, ALL_TIME):
        seen += len(rows)
        await engine.samples.drop([1])
    assert 0 < seen <= 21


async def test_a_page_of_a_table_never_analysed_is_a_scan_of_the_index(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(3000))])
    async with snapshot(connection):
        found = await connection.fetch(
            "EXPLAIN SELECT * FROM data.stream1 WHERE time >= '1970-01-01' ORDER BY time LIMIT 2000"
        )
    plan = " ".join(line for (line,) in found)
    assert "Index Scan using stream1_pkey" in plan
    assert "Sort" not in plan


async def test_a_break_that_comes_while_a_page_is_read_is_told(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(0, 600, 10))])
    removed: list[int] = []

    async def copy_then_delete(*arguments: Any) -> Any:
        rows = await copy_out(*arguments)
        if not removed:
            removed.append(await engine.samples.delete(STREAM, Interval(400, 450)))
        return rows

    monkeypatch.setattr(row_reading, "copy_out", copy_then_delete)
    found, _ = await read_runs(engine.samples, STREAM)
    assert removed == [5]
    assert [len(run) for run in found] == [40, 15]
