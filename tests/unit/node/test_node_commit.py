from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from joule.errors import PipeError, StorageError, StorageFullError
from joule.models.layout import Layout
from joule.node import group_commit
from joule.storage.interfaces import RowsRefusedError
from joule.testing.clock import settle
from tests.unit.node.support import make_rows, make_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.streams import DataStream
    from joule.node import LocalNode, Writer
    from joule.testing.clock import FakeClock
    from tests.unit.node.support import ChosenEngine

FULL = StorageFullError("no room left on the device")
WIDE = Layout("float64", 127)  # 1024 bytes a row


@asynccontextmanager
async def running(node: LocalNode) -> AsyncIterator[None]:
    """The node's services, until the block ends."""
    async with asyncio.TaskGroup() as group:
        services = group.create_task(node.run())
        await settle()
        yield
        services.cancel()


@pytest.fixture
async def writers(node: LocalNode) -> AsyncIterator[list[Writer]]:
    streams = [await node.catalog.create_stream(make_stream(f"w{i}", WIDE), "/w") for i in range(3)]
    writers = [await node.data.open_writer(stream) for stream in streams]
    yield writers
    for writer in writers:
        await writer.abort()


# ------------------------------------------------------------------ when


async def test_rows_of_all_streams_are_committed_together_after_one_interval(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    async with running(node):
        for writer in writers:
            await writer.write(make_rows([1], WIDE))
        await clock.advance(0.9)
        assert engine.chosen.commits == 0
        await clock.advance(0.1)
        assert engine.chosen.commits == 1
        assert engine.chosen.pending_bytes == 0


async def test_nothing_is_committed_while_nothing_is_written(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock
) -> None:
    async with running(node):
        await clock.advance(100)
        assert engine.chosen.commits == 0


async def test_a_row_waits_no_longer_because_others_follow_it(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    async with running(node):
        for time in range(1, 9):
            await writers[0].write(make_rows([time], WIDE))
            await clock.advance(0.125)
        assert engine.chosen.commits == 1


async def test_much_data_is_committed_before_the_interval_is_over(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    async with running(node):
        for time in range(4):
            for writer in writers:
                await writer.write(make_rows(range(1 + time * 1000, 1001 + time * 1000), WIDE))
            await settle()
            assert engine.chosen.pending_bytes <= group_commit.PENDING_BYTES_MAX
        assert engine.chosen.commits >= 3


async def test_a_writer_waits_while_too_much_waits_for_a_commit(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.held = asyncio.Event()
    async with running(node):
        writing = asyncio.ensure_future(writers[0].write(make_rows(range(1, 20_001), WIDE)))
        await settle()
        assert not writing.done()
        assert engine.chosen.pending_bytes <= group_commit.PENDING_BYTES_MAX
        engine.chosen.held.set()
        await writing


async def test_back_pressure_works_also_while_the_services_do_not_run(
    engine: ChosenEngine, writers: list[Writer]
) -> None:
    await writers[0].write(make_rows(range(1, 20_001), WIDE))
    assert engine.chosen.pending_bytes <= group_commit.PENDING_BYTES_MAX
    assert engine.chosen.commits >= 3


async def test_what_stays_when_room_is_made_waits_no_longer_than_the_interval(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    engine.chosen.keeps = 1024
    async with running(node):
        await writers[0].write(make_rows(range(1, 3001), WIDE))
        await settle()
        assert engine.chosen.pending_bytes == 1024
        await clock.advance(1)
        assert engine.chosen.pending_bytes == 0


async def test_rows_are_committed_in_time_after_others_became_durable_in_another_way(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    async with running(node):
        await writers[0].write(make_rows([1], WIDE))
        await engine.chosen._samples.commit()
        await clock.advance(1)
        await writers[0].write(make_rows([2], WIDE))
        await clock.advance(1)
        assert engine.chosen.pending_bytes == 0


async def test_rows_behind_a_commit_that_was_forced_wait_a_whole_interval(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    async with running(node):
        await writers[0].write(make_rows([1], WIDE))
        await clock.advance(0.5)
        await writers[0].close()
        await writers[1].write(make_rows([1], WIDE))
        await clock.advance(0.75)
        assert engine.chosen.commits == 1
        await clock.advance(0.25)
        assert engine.chosen.commits == 2


async def test_a_writer_whose_stream_went_while_it_waited_writes_no_more(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.held = asyncio.Event()
    writing = asyncio.ensure_future(writers[0].write(make_rows(range(1, 20_001), WIDE)))
    await settle()
    await node.data.drop([node.catalog.data_stream("/w/w0").id])
    engine.chosen.held.set()
    with pytest.raises(PipeError):
        await writing
    assert (await node.data.info(node.catalog.data_stream("/w/w0"))).rows < 5000


# ------------------------------------------------------------------ closing


async def test_closing_a_writer_that_wrote_nothing_commits_nothing(
    engine: ChosenEngine, writers: list[Writer]
) -> None:
    await writers[0].close()
    assert engine.chosen.commits == 0


async def test_closing_a_writer_returns_when_its_rows_are_durable(
    engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.held = asyncio.Event()
    await writers[0].write(make_rows([1], WIDE))
    closing = asyncio.ensure_future(writers[0].close())
    await settle()
    assert not closing.done()
    engine.chosen.held.set()
    await closing
    assert engine.chosen.pending_bytes == 0


async def test_writers_that_close_at_the_same_time_share_a_commit(
    engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.held = asyncio.Event()
    for writer in writers:
        await writer.write(make_rows([1], WIDE))
    closings = [asyncio.ensure_future(writer.close()) for writer in writers]
    await settle()
    engine.chosen.held.set()
    await asyncio.gather(*closings)
    # The first began before the others asked, and need not hold their rows.
    assert engine.chosen.commits == 2


async def test_a_cancelled_close_has_released_the_stream_and_does_not_block_others(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.held = asyncio.Event()
    await writers[0].write(make_rows([1], WIDE))
    closing = asyncio.ensure_future(writers[0].close())
    await settle()
    closing.cancel()
    await asyncio.wait([closing])
    engine.chosen.held.set()
    await writers[1].write(make_rows([1], WIDE))
    await writers[1].close()
    assert engine.chosen.pending_bytes == 0
    assert not node.catalog.data_stream("/w/w0").is_destination


async def test_rows_of_a_cancelled_close_are_durable_after_one_interval(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    async with running(node):
        engine.chosen.held = asyncio.Event()
        await writers[0].write(make_rows([1], WIDE))
        closing = asyncio.ensure_future(writers[0].close())
        await settle()
        closing.cancel()
        await asyncio.wait([closing])
        engine.chosen.held.set()
        await clock.advance(1)
        assert engine.chosen.pending_bytes == 0


# ------------------------------------------------------------------ a store that fails


async def test_a_full_disk_is_logged_once_and_tried_again_less_and_less_often(
    node: LocalNode,
    engine: ChosenEngine,
    clock: FakeClock,
    writers: list[Writer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.chosen.failure = FULL
    async with running(node):
        await writers[0].write(make_rows([1], WIDE))
        await clock.advance(1)
        tries = []
        for _ in range(4):
            before = engine.chosen.commits
            await clock.advance(30)
            tries.append(engine.chosen.commits - before)
        assert tries == sorted(tries, reverse=True)
        assert tries[0] == 5
        assert tries[-1] >= 1
    errors = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert [r.getMessage() for r in errors] == [
        "cannot store data, will go on trying: no room left on the device"
    ]


async def test_acquisition_goes_on_while_the_disk_is_full_and_nothing_is_lost(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    engine.chosen.failure = FULL
    async with running(node):
        for time in range(10):
            await writers[0].write(make_rows(range(1 + time * 1000, 1001 + time * 1000), WIDE))
        assert engine.chosen.pending_bytes > 2 * group_commit.PENDING_BYTES_MAX
        engine.chosen.failure = None
        await clock.advance(31)
        assert engine.chosen.pending_bytes == 0
    assert (await node.data.info(node.catalog.data_stream("/w/w0"))).rows == 10_000


async def test_the_node_says_what_is_wrong_and_refuses_who_can_come_again(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    other = await node.catalog.create_stream(make_stream("other", WIDE), "/w")
    engine.chosen.failure = FULL
    async with running(node):
        assert (await node.usage()).fault is None
        await writers[0].write(make_rows([1], WIDE))
        await clock.advance(1)
        assert (await node.usage()).fault == "no room left on the device"
        with pytest.raises(StorageFullError, match="no room left"):
            await node.data.open_writer(other, can_retry=True)
        assert not other.is_destination
        engine.chosen.failure = None
        await clock.advance(31)
        assert (await node.usage()).fault is None
        await (await node.data.open_writer(other, can_retry=True)).close()


async def test_when_memory_is_used_up_writers_get_the_error(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "FAILING_BYTES_MAX", 6 * 1024 * 1024)
    engine.chosen.failure = FULL
    with pytest.raises(StorageFullError, match="no room left"):
        await writers[0].write(make_rows(range(1, 20_001), WIDE))
    assert engine.chosen.pending_bytes <= 7 * 1024 * 1024
    with pytest.raises(StorageFullError):
        await writers[1].write(make_rows([1], WIDE))
    engine.chosen.failure = None
    await node._commits.flush()
    await writers[1].write(make_rows([1], WIDE))


async def test_a_writer_that_closes_gets_the_error_and_its_rows_are_kept(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.failure = FULL
    await writers[0].write(make_rows([1], WIDE))
    with pytest.raises(StorageFullError):
        await writers[0].close()
    stream: DataStream = node.catalog.data_stream("/w/w0")
    assert not stream.is_destination
    assert (await node.data.info(stream)).rows == 1
    engine.chosen.failure = None
    await node.close()
    assert engine.chosen.pending_bytes == 0


async def test_rows_of_a_close_that_failed_are_tried_again_though_nobody_writes(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    engine.chosen.failure = FULL
    async with running(node):
        await writers[0].write(make_rows([1], WIDE))
        with pytest.raises(StorageFullError):
            await writers[0].close()
        engine.chosen.failure = None
        await clock.advance(2)
        assert engine.chosen.pending_bytes == 0


async def test_a_store_is_at_fault_no_longer_when_nothing_waits_for_it(
    node: LocalNode, engine: ChosenEngine, clock: FakeClock, writers: list[Writer]
) -> None:
    engine.chosen.failure = FULL
    async with running(node):
        await writers[0].write(make_rows([1], WIDE))
        await clock.advance(1)
        engine.chosen.failure = None
        await engine.chosen._samples.commit()
        await clock.advance(31)
        assert (await node.usage()).fault is None


async def test_all_who_wait_for_a_failing_commit_get_the_error(
    engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.failure = StorageError("the disk is gone")
    engine.chosen.held = asyncio.Event()
    for writer in writers:
        await writer.write(make_rows([1], WIDE))
    closings = [asyncio.ensure_future(writer.close()) for writer in writers]
    await settle()
    engine.chosen.held.set()
    outcomes = await asyncio.gather(*closings, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageError] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3


# ------------------------------------------------------------------ rows that are refused


def refusal(node: LocalNode) -> RowsRefusedError:
    stream = node.catalog.data_stream("/w/w0")
    assert stream.id is not None
    return RowsRefusedError("the rows of stream w0 cannot be stored", frozenset([stream.id]))


async def test_only_the_writer_whose_rows_are_refused_gets_the_error(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.failure = refusal(node)
    engine.chosen.held = asyncio.Event()
    for writer in writers:
        await writer.write(make_rows([1], WIDE))
    closings = [asyncio.ensure_future(writer.close()) for writer in writers]
    await settle()
    engine.chosen.held.set()
    outcomes = await asyncio.gather(*closings, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RowsRefusedError, type(None), type(None)]
    with pytest.raises(RowsRefusedError):
        await node.commit()


async def test_refused_rows_leave_the_others_their_commits_in_time(
    node: LocalNode,
    engine: ChosenEngine,
    clock: FakeClock,
    writers: list[Writer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.chosen.failure = refusal(node)
    async with running(node):
        await writers[0].write(make_rows(range(1, 3001), WIDE))
        await clock.advance(1)
        for time in range(1, 30):
            before = engine.chosen.commits
            await writers[1].write(make_rows([time], WIDE))
            await clock.advance(1)
            assert engine.chosen.commits == before + 1
        assert (await node.usage()).fault == "the rows of stream w0 cannot be stored"
        other = await node.catalog.create_stream(make_stream("other", WIDE), "/w")
        await (await node.data.open_writer(other, can_retry=True)).close()
        engine.chosen.failure = None
        await clock.advance(11)
        assert engine.chosen.pending_bytes == 0
        assert (await node.usage()).fault is None
    assert caplog.messages.count("data can be stored again") == 1
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


async def test_however_much_is_refused_others_find_room(
    node: LocalNode, engine: ChosenEngine, writers: list[Writer]
) -> None:
    engine.chosen.failure = refusal(node)
    await writers[0].write(make_rows(range(1, 6001), WIDE))
    assert engine.chosen.pending_bytes > group_commit.PENDING_BYTES_MAX
    await writers[1].write(make_rows(range(1, 101), WIDE))
    await writers[1].close()


async def test_that_data_can_be_stored_again_is_logged(
    node: LocalNode,
    engine: ChosenEngine,
    clock: FakeClock,
    writers: list[Writer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.chosen.failure = FULL
    async with running(node):
        await writers[0].write(make_rows([1], WIDE))
        await clock.advance(1)
        engine.chosen.failure = None
        await clock.advance(1)
    assert "data can be stored again" in caplog.messages
