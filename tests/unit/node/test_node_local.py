from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from joule.errors import PipeError, StorageError
from joule.models.events import Event, EventStream
from joule.models.intervals import ALL_TIME
from joule.models.streams import DataStream
from joule.node import LocalNode
from joule.node.disk import disk_usage
from joule.storage.interfaces import EventQuery, StoreUsage
from joule.testing.clock import FakeClock, settle
from tests.unit.node.support import everything, make_rows, make_stream
from tests.unit.node.test_node_commit import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.node.support import ChosenEngine

NOW_US = FakeClock().now_us()
HOUR_US = 3_600_000_000


# ------------------------------------------------------------------ opening and closing


async def test_the_uuid_of_a_node_never_changes(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock
) -> None:
    assert UUID(node.uuid).version == 4
    assert (await LocalNode.open(engine, "other", clock=clock)).uuid == node.uuid


async def test_closing_a_node_ends_writers_and_cursors_and_commits_everything(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    writer = await node.data.open_writer(stream)
    async with node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([1, 2]))
        await node.close()
        assert await everything(cursor) == [1, 2]
    assert engine.chosen.pending_bytes == 0
    with pytest.raises(PipeError):
        await writer.write(make_rows([3]))
    await node.close()


async def test_a_new_node_object_starts_a_new_interval(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, clock: FakeClock
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1]))
    again = await LocalNode.open(engine, "n", clock=clock)
    stream = again.catalog.data_stream("/a/s")
    async with await again.data.open_writer(stream) as writer:
        await writer.write(make_rows([2]))
    assert await again.data.intervals(stream) == [(1, 2), (2, 3)]


async def test_a_failing_service_ends_the_node(node: LocalNode, engine: ChosenEngine) -> None:
    async def broken() -> None:
        raise AssertionError("an invariant does not hold")

    engine.maintain = broken  # type: ignore[method-assign]
    with pytest.raises(ExceptionGroup):
        await node.run()


async def test_upkeep_that_the_store_cannot_do_now_is_logged_and_tried_again(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    async def failing() -> None:
        nonlocal calls
        calls += 1
        raise StorageError("busy")

    engine.maintain = failing  # type: ignore[method-assign]
    async with running(node):
        await clock.advance(25)
    assert calls == 3
    assert any("upkeep failed" in message for message in caplog.messages)


# ------------------------------------------------------------------ retention


async def store_hourly_rows(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(NOW_US - 10 * HOUR_US, NOW_US, HOUR_US)))


async def test_rows_older_than_their_stream_keeps_go_although_nobody_writes(
    node: LocalNode, clock: FakeClock
) -> None:
    short = await node.catalog.create_stream(make_stream("3h", keep_us=3 * HOUR_US), "/r")
    whole = await node.catalog.create_stream(make_stream("all"), "/r")
    for stream in (short, whole):
        await store_hourly_rows(node, stream)
    async with running(node):
        assert (await node.data.info(short)).rows == 3
        await clock.advance(1800 + 60)
        assert (await node.data.info(short)).rows == 2
        assert (await node.data.info(whole)).rows == 10


async def test_old_events_go_as_well(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock
) -> None:
    stream = await node.catalog.create_stream(EventStream("e", keep_us=HOUR_US), "/r")
    old = Event(NOW_US - 3 * HOUR_US, NOW_US - 2 * HOUR_US)
    new = Event(NOW_US - 3 * HOUR_US, NOW_US - HOUR_US // 2)
    await engine.events.write(stream.id, [old, new])
    async with running(node):
        assert await engine.events.read(stream.id, EventQuery(ALL_TIME)) == [new]
        await clock.advance(1800 + 60)
        assert await engine.events.read(stream.id, EventQuery(ALL_TIME)) == []


async def test_a_stream_whose_rows_all_went_can_be_written_on(
    node: LocalNode, clock: FakeClock
) -> None:
    stream = await node.catalog.create_stream(make_stream(keep_us=HOUR_US), "/r")
    async with await node.data.open_writer(stream) as writer, running(node):
        await writer.write(make_rows([NOW_US - 1]))
        await clock.advance(2 * 3600)
        assert (await node.data.info(stream)).rows == 0
        await writer.write(make_rows([clock.now_us()]))
        assert (await node.data.info(stream)).rows == 1


async def test_a_stream_that_cannot_be_cleaned_does_not_keep_others_from_it(
    node: LocalNode,
    engine: ChosenEngine,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = await node.catalog.create_stream(make_stream("bad", keep_us=HOUR_US), "/r")
    good = await node.catalog.create_stream(make_stream("good", keep_us=HOUR_US), "/r")
    await store_hourly_rows(node, good)
    retain = engine._samples.retain

    async def choosy(ref: object, before: int) -> int:
        if getattr(ref, "id", None) == bad.id:
            raise StorageError("damaged")
        return await retain(ref, before)  # type: ignore[arg-type]

    monkeypatch.setattr(engine._samples, "retain", choosy)
    async with running(node):
        assert (await node.data.info(good)).rows == 1
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert errors == ["cannot remove old data of stream [bad]"]


# ------------------------------------------------------------------ deleted while in use


async def test_deleting_a_stream_ends_its_cursors(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
    async with node.data.subscribe(stream, 0) as cursor:
        assert len(await everything(cursor)) == 2
        await node.catalog.delete_stream(DataStream, stream.id)
        assert await everything(cursor) == []


async def test_a_writer_that_came_while_its_stream_was_deleted_is_closed(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    apply = engine.catalog.apply

    async def slow(changes: object) -> None:
        begun.set()
        await go_on.wait()
        await apply(changes)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.catalog, "apply", slow)
    deleting = asyncio.ensure_future(node.catalog.delete_stream(DataStream, stream.id))
    await begun.wait()
    writer = await node.data.open_writer(stream)
    go_on.set()
    await deleting
    with pytest.raises(PipeError):
        await writer.write(make_rows([1]))


# ------------------------------------------------------------------ room


async def test_usage_adds_up_to_the_volume(tmp_path: Path) -> None:
    usage = await disk_usage(StoreUsage(str(tmp_path), 100))
    assert (usage.path, usage.size) == (str(tmp_path), 100)
    assert usage.free > 0
    assert usage.other >= 0
    assert usage.reserved >= 0


async def test_usage_of_a_store_elsewhere_is_unknown() -> None:
    usage = await disk_usage(StoreUsage("db.example", -1))
    assert usage.path == "--remote-database--"
    assert (usage.size, usage.other, usage.reserved, usage.free) == (-1, -1, -1, -1)


async def test_usage_of_a_node_in_memory_has_a_size(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1]))
    await settle()
    assert (await node.usage()).size > 0
