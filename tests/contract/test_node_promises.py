"""What a node promises about data, on every engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import DataError, DuplicateTimestampError, LockedError, StreamNotFound
from joule.models.events import Event, EventStream
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.models.streams import DataStream
from joule.node import LocalNode
from joule.storage.address import Address
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import EventQuery
from joule.storage.memory import MemoryEngine
from joule.storage.postgres import PostgresEngine
from joule.testing.clock import FakeClock, settle
from tests.unit.node.support import (
    everything,
    make_rows,
    make_stream,
    runs_of,
    stored,
    take,
    write_session,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine

MANY = 60_000
"""Rows that take several chunks and blocks of a store."""

FLOATS = Layout("float32", 1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "embedded", "postgres"])
def closed_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "memory":
        return MemoryEngine()
    if request.param == "embedded":
        return EmbeddedEngine(tmp_path / "joule.db")
    return PostgresEngine(Address.parse(request.getfixturevalue("postgres_address")))


@pytest.fixture
async def engine(closed_engine: Engine) -> AsyncIterator[Engine]:
    async with closed_engine as engine:
        yield engine


@pytest.fixture
async def node(engine: Engine, clock: FakeClock) -> AsyncIterator[LocalNode]:
    async with await LocalNode.open(engine, "n", clock=clock) as node:
        yield node


@pytest.fixture
async def stream(node: LocalNode) -> DataStream:
    return await node.catalog.create_stream(make_stream(), "/a/b")


@asynccontextmanager
async def many_rows(node: LocalNode, stream: DataStream) -> AsyncIterator[None]:
    """Half of the rows in chunks of the store, half of them waiting to be committed."""
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(MANY // 2)))
        await node.engine.samples.commit()
        await node.engine.maintain()
        await writer.write(make_rows(range(MANY // 2, MANY)))
        yield


async def view(node: LocalNode, stream: DataStream, max_rows: int) -> Rows:
    reading = await node.data.read(stream, ALL_TIME, max_rows=max_rows)
    return np.concatenate([reading.layout.empty(), *[block.rows async for block in reading.blocks]])


# ------------------------------------------------------------------ writing


async def test_a_read_sees_what_was_accepted_before_it_began(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        await node.engine.samples.commit()
        await writer.write(make_rows([3]))
        assert node.engine.samples.pending_bytes > 0
        assert await stored(node, stream) == [1, 2, 3]
        assert (await node.data.info(stream)).rows == 3


async def test_rows_in_any_order_end_as_if_they_had_come_in_order(node: LocalNode) -> None:
    ordered = await node.catalog.create_stream(make_stream("ordered"), "/a")
    shuffled = await node.catalog.create_stream(make_stream("shuffled"), "/a")
    pieces = [list(range(start, start + 300)) for start in range(0, 3000, 300)]
    for piece in pieces:
        await write_session(node, ordered, piece, gap=5)
    for number in (7, 2, 9, 0, 4, 1, 8, 3, 6, 5):
        await write_session(node, shuffled, pieces[number], gap=5)
    await node.data.consolidate(shuffled, ALL_TIME, 1)
    assert await stored(node, shuffled) == await stored(node, ordered)
    assert await runs_of(node, shuffled) == await runs_of(node, ordered)
    for max_rows in (1, 10, 100, 1000):
        ours, theirs = [await view(node, each, max_rows) for each in (shuffled, ordered)]
        assert len(ours) <= max_rows + 1
        assert ours["data"][:, 1].min() == theirs["data"][:, 1].min()
        assert ours["data"][:, 2].max() == theirs["data"][:, 2].max()


async def test_a_timestamp_that_exists_is_refused_by_name_and_changes_nothing(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 20, 30])
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(DuplicateTimestampError, match="20 already exists"):
            await writer.write(make_rows([15, 20]))
    assert await stored(node, stream) == [10, 20, 30]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
async def test_values_that_are_no_numbers_are_refused_and_change_nothing(
    node: LocalNode, value: float
) -> None:
    stream = await node.catalog.create_stream(make_stream("f", FLOATS), "/a")
    rows = make_rows([2, 3], FLOATS)
    rows["data"][1] = value
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1], FLOATS))
        with pytest.raises(DataError, match="NaN" if np.isnan(value) else "infinity"):
            await writer.write(rows)
    assert await stored(node, stream) == [1]


@pytest.mark.parametrize("times", [[3, 3], [4, 3], [2, 5]])
async def test_times_of_a_write_that_do_not_rise_are_refused_and_change_nothing(
    node: LocalNode, stream: DataStream, times: list[int]
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        with pytest.raises(DataError, match="monotonic"):
            await writer.write(make_rows(times))
    assert await stored(node, stream) == [1, 2]


# ------------------------------------------------------------------ removing


async def test_a_deleted_range_leaves_a_break_and_can_be_written_again(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 20, 30, 40])
    assert await node.data.delete(stream, Interval(20, 40)) == 2
    assert await stored(node, stream) == [10, "|", 40]
    await write_session(node, stream, [25])
    assert await stored(node, stream) == [10, "|", 25, "|", 40]


async def test_retention_reaches_every_stream_within_a_period_though_nobody_writes(
    node: LocalNode, clock: FakeClock
) -> None:
    day_us = 86_400_000_000
    data = await node.catalog.create_stream(make_stream("d", keep_us=day_us), "/a")
    events = await node.catalog.create_stream(EventStream("e", keep_us=day_us), "/a")
    now = clock.now_us()
    await write_session(node, data, [now - 2 * day_us, now])
    old, young = now - 2 * day_us, now - 10
    await node.events.write(events, [Event(old, old + 1), Event(young, now)])
    await node._retention.apply()  # what run() does once a period
    assert await node.events.count(events, EventQuery(ALL_TIME)) == 1
    rows = await stored(node, data)
    assert rows[-1] == now
    assert len(rows) <= 2


# ------------------------------------------------------------------ decimated views


@pytest.mark.parametrize("decimate", [True, False])
@pytest.mark.parametrize("interval_rows", [1, 3, 1001])
async def test_a_view_of_any_size_answers_and_keeps_the_extremes(
    node: LocalNode, decimate: bool, interval_rows: int
) -> None:
    stream = await node.catalog.create_stream(make_stream("v", FLOATS, decimate=decimate), "/a")
    rows = make_rows(range(1001), FLOATS)
    rows["data"][[17, 1000]] = [[-9e9], [9e9]]
    async with await node.data.open_writer(stream) as writer:
        for start in range(0, len(rows), interval_rows):
            await writer.write(rows[start : start + interval_rows])
            await writer.end_interval()
    for max_rows in (1, 2, 7, 100, 1000):
        seen = await view(node, stream, max_rows)
        assert 0 < len(seen) <= max_rows + -(-len(rows) // interval_rows)
        assert seen["data"][:, 1].min() == np.float32(-9e9)
        assert seen["data"][:, 2].max() == np.float32(9e9)
    assert len(await view(node, stream, 1001)) == 1001


# ------------------------------------------------------------------ readers


async def test_a_reader_that_sleeps_loses_nothing_and_sees_no_break_that_is_not_there(
    node: LocalNode, stream: DataStream
) -> None:
    rows = MANY * 4
    async with (
        await node.data.open_writer(stream) as writer,
        node.data.subscribe(stream) as cursor,
    ):
        for start in range(0, rows, 1000):
            await writer.write(make_rows(range(start, start + 1000)))
        await writer.close()
        assert await everything(cursor) == list(range(rows))


async def test_a_subscription_that_begins_in_the_past_joins_the_present(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 20], [], [30])
    async with (
        await node.data.open_writer(stream) as writer,
        node.data.subscribe(stream, 20) as cursor,
    ):
        assert await take(cursor, 2) == [20, "|", 30]
        await writer.write(make_rows([40]))
        assert await take(cursor, 1) == ["|", 40]


# ------------------------------------------------------------------ things in use


async def test_a_stream_that_is_written_cannot_be_deleted_moved_or_changed(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1]))
        with pytest.raises(LockedError):
            await node.catalog.delete_stream(DataStream, stream.id)
        with pytest.raises(LockedError):
            await node.catalog.move_stream(DataStream, stream.id, "/elsewhere")
        with pytest.raises(LockedError):
            await node.catalog.update_stream(DataStream, stream.id, {"keep_us": 0})
        with pytest.raises(LockedError):
            await node.catalog.delete_folder("/a", recursive=True)
        await writer.write(make_rows([2]))
    assert await stored(node, stream) == [1, 2]


async def test_a_read_goes_on_while_its_stream_is_moved_and_renamed(
    node: LocalNode, stream: DataStream
) -> None:
    async with many_rows(node, stream):
        pass
    reading = await node.data.read(stream)
    first = await anext(reading.blocks)
    await node.catalog.move_stream(DataStream, stream.id, "/elsewhere")
    await node.catalog.update_stream(DataStream, stream.id, {"name": "t", "decimate": False})
    rest = [block.rows async for block in reading.blocks]
    assert len(first.rows) + sum(map(len, rest)) == MANY
    assert (await node.data.info(node.catalog.data_stream("/elsewhere/t"))).rows == MANY


async def test_a_read_whose_folder_is_deleted_ends_with_true_rows_and_leaves_nothing(
    node: LocalNode, stream: DataStream
) -> None:
    async with many_rows(node, stream):
        pass
    reading = await node.data.read(stream)
    seen = [int(t) for t in (await anext(reading.blocks)).rows["timestamp"]]
    await node.catalog.delete_folder("/a", recursive=True)
    async for block in reading.blocks:
        seen += [int(t) for t in block.rows["timestamp"]]
    assert seen == list(range(len(seen)))
    assert (await node.data.info(stream)).rows == 0
    with pytest.raises(StreamNotFound):
        node.catalog.data_stream(stream.id)


async def test_a_subscription_in_the_past_ends_when_its_stream_is_deleted(
    node: LocalNode, stream: DataStream
) -> None:
    async with many_rows(node, stream):
        pass
    async with node.data.subscribe(stream, 0) as cursor:
        seen = await take(cursor, 1)
        await node.catalog.delete_stream(DataStream, stream.id)
        seen += await everything(cursor)
    assert seen == list(range(len(seen)))


async def test_retention_during_a_read_takes_only_old_rows_from_it(
    node: LocalNode, stream: DataStream
) -> None:
    async with many_rows(node, stream):
        reading = await node.data.read(stream)
        seen = [int(t) for t in (await anext(reading.blocks)).rows["timestamp"]]
        await node.data.retain(stream, MANY // 3)
        async for block in reading.blocks:
            seen += [int(t) for t in block.rows["timestamp"]]
    assert seen == sorted(set(seen))
    assert set(range(MANY // 3, MANY)) <= set(seen)


async def test_a_live_cursor_keeps_its_place_while_the_past_is_joined_and_deleted(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 20], [], [30])
    async with (
        await node.data.open_writer(stream, merge_gap_us=100) as writer,
        node.data.subscribe(stream, 0) as cursor,
    ):
        assert await take(cursor, 2) == [10, 20, "|", 30]
        await writer.write(make_rows([40]))
        assert await take(cursor, 1) == [40]
        assert await node.data.consolidate(stream, ALL_TIME, 100) == 1
        assert await node.data.delete(stream, Interval(0, 25)) == 2
        await writer.write(make_rows([50]))
        assert await take(cursor, 1) == [50]
        assert await node.data.delete(stream, Interval(50, 51)) == 1
        await settle()
        await writer.write(make_rows([60]))
        assert await take(cursor, 1) == ["|", 60]
    assert await stored(node, stream) == [30, 40, "|", 60]
