from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.server import CONNECTIONS_MAX
from joule.storage.postgres.rows import row_reading
from joule.storage.postgres.rows.row_reading import RowReader, snapshot
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
    async with snapshot(connection) as begin:
        await connection.execute(begin)
        found = await connection.fetch(
            "EXPLAIN SELECT * FROM data.stream1 WHERE time >= '1970-01-01' ORDER BY time LIMIT 2000"
        )
    plan = " ".join(line for (line,) in found)
    assert "Index Scan using stream1_pkey" in plan
    assert "Sort" not in plan


async def test_rows_and_breaks_of_a_page_are_of_one_moment(engine: PostgresEngine) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(0, 600, 10))])
    inside = Interval(300, 350)

    async def read() -> list[int]:
        found, _ = await read_runs(engine.samples, STREAM, Interval(280, 340))
        return [len(run) for run in found]

    for _ in range(30):
        change = asyncio.ensure_future(engine.samples.delete(STREAM, inside))
        assert set(map(tuple, await asyncio.gather(*[read() for _ in range(3)]))) <= {(6,), (2,)}
        assert await change == 5
        late = make_rows(STREAM.layout, range(300, 350, 10))
        await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)


@pytest.mark.parametrize("end", [200, 201, 250, 291, 300])
async def test_a_read_that_ends_in_a_gap_says_so(engine: PostgresEngine, end: int) -> None:
    runs = [make_rows(STREAM.layout, range(start, start + 200, 10)) for start in (0, 300)]
    await fill(engine, runs)
    blocks = [block async for block in engine.samples.read(STREAM, Interval(0, end))]
    assert sum(len(rows) for rows, _ in blocks) == 20
    assert blocks[-1].starts_interval == (end > 191)
    assert not len(blocks[-1].rows)


async def test_more_boundaries_than_are_read_at_once_shorten_pages(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, [make_rows(STREAM.layout, range(0, 600, 10))])
    for time in range(101, 140):
        await connection.execute("INSERT INTO data.stream1_intervals VALUES ($1), ($1)", time)
    found, _ = await read_runs(engine.samples, STREAM)
    assert [len(run) for run in found] == [11, 1, 1, 1, 46]


async def test_a_range_of_many_rows_is_read_by_several_sessions_from_the_start(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_reading, "PART_ROWS", 3)
    await fill(engine, [make_rows(STREAM.layout, range(100))])
    asked: list[Interval] = []
    fetch = RowReader._fetch

    async def noting(reader: RowReader, interval: Interval) -> Any:
        asked.append(interval)
        return await fetch(reader, interval)

    monkeypatch.setattr(RowReader, "_fetch", noting)
    found, _ = await read_runs(engine.samples, STREAM, Interval(10, 16))
    assert_runs_equal(found, [make_rows(STREAM.layout, range(10, 16))])
    assert asked == [(10, 13), (13, 16)]
    asked.clear()
    await read_runs(engine.samples, STREAM, Interval(10, 13))
    assert asked == [(10, 13)]


async def test_a_snapshot_leaves_no_transaction_behind(connection: Connection) -> None:
    in_transaction = "SELECT current_setting('transaction_read_only')"
    with pytest.raises(asyncpg.UndefinedTableError):
        async with snapshot(connection) as begin:
            await ask(connection, [begin, copy_of("SELECT * FROM nothing")])
    assert await connection.fetchval(in_transaction) == "off"
    async with snapshot(connection) as begin:
        await ask(connection, [begin])
        assert await connection.fetchval(in_transaction) == "on"
    assert await connection.fetchval(in_transaction) == "off"


async def test_who_leaves_a_snapshot_in_a_hurry_ends_the_session(connection: Connection) -> None:
    leaving = asyncio.Event()

    async def look() -> None:
        async with snapshot(connection) as begin:
            await ask(connection, [begin])
            leaving.set()

    looking = asyncio.ensure_future(look())
    await leaving.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert connection.is_closed()
