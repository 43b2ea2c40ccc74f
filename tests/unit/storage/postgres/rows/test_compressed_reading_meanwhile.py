"""Copies that change, vanish or are damaged while they are read."""

from __future__ import annotations

import asyncio
import struct
import zlib
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.connection.server import CONNECTIONS_MAX
from joule.storage.postgres.rows import row_reading
from joule.storage.postgres.rows.row_reading import RowReader
from joule.testing.engine_contract.checks import make_rows, read_runs
from tests.unit.storage.postgres.compressed_kit import joined, table_rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.postgres import PostgresEngine
    from joule.storage.stretch import Stretch

STREAM = StreamRef(1, Layout("int16", 1))
TIMES = range(0, 570, 10)
"""Rows of five copies, from 0 to 91, 191 and so on, and seven without one."""

pytestmark = pytest.mark.usefixtures("small_copies")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_reading, "PAGE_BYTES", 300)  # three copies at once


async def fill(engine: PostgresEngine, times: range = TIMES) -> Rows:
    rows = make_rows(STREAM.layout, times)
    engine.samples.append(STREAM, rows.copy())
    await engine.samples.commit()
    await engine.samples.compress()
    return rows


async def read(engine: PostgresEngine) -> Stretch:
    return joined([block async for block in engine.samples.read(STREAM, ALL_TIME)], STREAM)


@pytest.fixture
def after_list(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Have something done each time between the list of copies and the first look at them."""
    listed = RowReader._compressed

    def each_time(work: Callable[[], Awaitable[Any]]) -> None:
        async def then_work(reader: RowReader) -> list[Interval]:
            found = await listed(reader)
            await work()
            return found

        monkeypatch.setattr(RowReader, "_compressed", then_work)

    return each_time


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE data.stream1 SET elem0 = 7",
        "UPDATE data.stream1 SET time = time + interval '3 microseconds' WHERE elem0 % 2 = 0",
        "DELETE FROM data.stream1 WHERE elem0 % 3 = 0",
        "INSERT INTO data.stream1 SELECT time + interval '1 microsecond', 5 FROM data.stream1",
        "TRUNCATE data.stream1",
    ],
)
async def test_copies_are_not_used_that_others_made_invalid(
    engine: PostgresEngine,
    connection: Connection,
    stranger: Connection,
    after_list: Any,
    statement: str,
) -> None:
    await fill(engine)
    after_list(lambda: stranger.execute(statement))
    found = (await read(engine)).rows
    rows = await table_rows(connection, STREAM, Interval(0, 561))
    assert found.tobytes() == rows.tobytes()


async def test_copies_are_not_used_that_the_node_has_discarded(
    engine: PostgresEngine, connection: Connection, after_list: Any
) -> None:
    await fill(engine)
    late = make_rows(STREAM.layout, range(5, 400, 50))

    async def change() -> None:
        await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
        await engine.samples.delete(STREAM, Interval(450, 480))

    after_list(change)
    found = await read(engine)
    assert found.rows.tobytes() == (await table_rows(connection, STREAM)).tobytes()
    assert found.breaks.tolist() == [53]


async def test_a_change_while_a_read_goes_on_is_seen_behind_what_was_fetched(
    engine: PostgresEngine,
) -> None:
    await fill(engine, range(0, 3000, 10))
    times: list[list[int]] = [[]]
    async for block, starts_interval in engine.samples.read(STREAM, ALL_TIME):
        if not times[0]:
            assert await engine.samples.delete(STREAM, Interval(2000, 2050)) == 5
        if starts_interval:
            times.append([])
        times[-1] += block["timestamp"].tolist()
    assert times == [list(range(0, 2000, 10)), list(range(2050, 3000, 10))]


async def test_a_stream_that_is_dropped_ends_what_is_read_of_it(engine: PostgresEngine) -> None:
    await fill(engine, range(0, 3000, 10))
    seen = 0
    async for rows, _ in engine.samples.read(STREAM, ALL_TIME):
        seen += len(rows)
        await engine.samples.drop([1])
    assert 0 < seen <= 120


async def test_slow_readers_hold_no_connection_and_leave_nothing(engine: PostgresEngine) -> None:
    await fill(engine, range(0, 3000, 10))
    async with AsyncExitStack() as stack:
        for _ in range(2 * CONNECTIONS_MAX):
            reading = await stack.enter_async_context(
                aclosing(engine.samples.read(STREAM, ALL_TIME))  # type: ignore[type-var]
            )
            await anext(reading)
        async with asyncio.timeout(30):
            assert await engine.samples.delete(STREAM, Interval(2000, 2050)) == 5
    async with asyncio.timeout(30):
        found, _ = await read_runs(engine.samples, STREAM)
    assert sum(map(len, found)) == 295


# ------------------------------------------------------------------ damage


def framed(encoding: int, size: int, count: int, body: bytes) -> bytes:
    head = struct.pack("<BxxxII", encoding, size, count)
    return head + struct.pack("<I", zlib.crc32(head + body)) + body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "shorter than their header"),
        (b"\0" * 40, "do not match their checksum"),
        (framed(0, 12, 1, bytes(12)), "have 12 bytes"),
        (framed(0, 10, 7, bytes(69)), "not 7 records"),
        (framed(1, 10, 7, b"nothing"), "cannot be decompressed"),
        (framed(9, 10, 7, bytes(70)), "encoding 9"),
    ],
)
async def test_a_copy_that_is_damaged_is_told_of_and_the_table_read(
    engine: PostgresEngine,
    connection: Connection,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
    reason: str,
) -> None:
    rows = await fill(engine)
    await connection.execute(
        "UPDATE joule.compressed SET data = $1 WHERE rows = 10 AND end_time = $2", data, 391
    )
    found = await read(engine)
    assert found.rows.tobytes() == rows.tobytes()
    assert len(caplog.records) == 1
    assert "a compressed copy of rows of data.stream1 is not used" in caplog.text
    assert reason in caplog.text
