from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.errors import InvalidRequestError
from joule.models.streams import DataStream
from joule.testing.clock import settle
from tests.unit.node.support import BREAK, everything, make_rows, stored, take, told

if TYPE_CHECKING:
    from joule.node import LocalNode
    from tests.unit.node.support import ChosenEngine


# ------------------------------------------------------------------ keeping up


async def test_rows_reach_a_waiting_cursor_before_any_commit(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        waiting = asyncio.ensure_future(anext(cursor))
        await settle()
        await writer.write(make_rows([1, 2]))
        assert told(await waiting) == [1, 2]
        assert engine.chosen.commits == 0


async def test_a_waiting_cursor_runs_in_the_turn_of_the_loop_after_the_write(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        waiting = asyncio.ensure_future(anext(cursor))
        await settle()
        await writer.write(make_rows([1]))
        await asyncio.sleep(0)
        assert waiting.done()


async def test_a_live_cursor_begins_with_the_next_row_and_without_a_break(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1]))
        await writer.end_interval()
        async with node.data.subscribe(stream) as cursor:
            await writer.write(make_rows([2]))
            assert await take(cursor, 1) == [2]


async def test_the_end_of_an_interval_is_told_at_once_and_only_once(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([1]))
        await writer.end_interval()
        assert await take(cursor, 2) == [1, BREAK]
        await writer.end_interval()
        await writer.write(make_rows([2]))
        assert await take(cursor, 1) == [2]


async def test_a_cursor_ends_when_the_writer_has_closed_and_all_was_delivered(
    node: LocalNode, stream: DataStream
) -> None:
    async with node.data.subscribe(stream, 0) as early:
        writer = await node.data.open_writer(stream)
        async with node.data.subscribe(stream) as cursor:
            await writer.write(make_rows([1, 2]))
            await writer.close()
            assert await everything(cursor) == [1, 2]
            assert await everything(early) == []  # nobody produced when it began


async def test_a_cursor_ends_with_its_producer_even_when_another_follows_at_once(
    node: LocalNode, stream: DataStream
) -> None:
    first = await node.data.open_writer(stream)
    async with node.data.subscribe(stream) as cursor:
        await first.write(make_rows([1]))
        await first.close()
        async with await node.data.open_writer(stream) as second:
            await second.write(make_rows([2]))
            assert await everything(cursor) == [1]


async def test_a_stream_that_nobody_produces_cannot_be_followed_without_a_start(
    node: LocalNode, stream: DataStream
) -> None:
    with pytest.raises(InvalidRequestError, match=r"^stream is not being produced$"):
        node.data.subscribe(stream)


async def test_cancelling_a_wait_loses_nothing(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        waiting = asyncio.ensure_future(anext(cursor))
        await settle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await writer.write(make_rows([1]))
        assert await take(cursor, 1) == [1]


async def test_closing_a_cursor_ends_a_pending_wait(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream):
        cursor = node.data.subscribe(stream)
        waiting = asyncio.ensure_future(everything(cursor))
        await settle()
        await cursor.close()
        assert await waiting == []


async def test_nothing_is_kept_in_memory_for_cursors_that_keep_up(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        log = node.data._logs[stream.id]
        await writer.write(make_rows([1]))
        assert log.buffer.size_bytes == 0
        async with node.data.subscribe(stream) as cursor:
            await writer.write(make_rows([2]))
            assert log.buffer.size_bytes > 0
            await take(cursor, 1)
            assert log.buffer.size_bytes == 0
            await writer.write(make_rows([3]))
        assert log.buffer.size_bytes == 0
    assert not node.data._logs


# ------------------------------------------------------------------ nothing stored


@pytest.mark.usefixtures("small_buffers")
async def test_a_write_larger_than_the_live_buffer_reaches_cursors_where_nothing_is_stored(
    node: LocalNode, live_only: DataStream
) -> None:
    async with (
        await node.data.open_writer(live_only) as writer,
        node.data.subscribe(live_only) as cursor,
    ):
        await writer.write(make_rows(range(100)))
        assert await take(cursor, 1) == list(range(100))


async def test_rows_of_a_stream_that_keeps_nothing_are_live_only(
    node: LocalNode, live_only: DataStream, engine: ChosenEngine
) -> None:
    async with (
        await node.data.open_writer(live_only) as writer,
        node.data.subscribe(live_only) as cursor,
    ):
        await writer.write(make_rows([5, 6]))
        assert await take(cursor, 1) == [5, 6]
    assert (await node.data.info(live_only)).rows == 0
    assert engine.chosen.pending_bytes == 0


@pytest.mark.usefixtures("small_buffers")
async def test_a_cursor_that_falls_behind_a_stream_that_keeps_nothing_skips_with_a_break(
    node: LocalNode, live_only: DataStream
) -> None:
    async with (
        await node.data.open_writer(live_only) as writer,
        node.data.subscribe(live_only) as cursor,
    ):
        await writer.write(make_rows([1]))
        assert await take(cursor, 1) == [1]
        for time in range(2, 20):
            await writer.write(make_rows([time]))
        await writer.close()
        assert await everything(cursor) == [BREAK, 15, 16, 17, 18, 19]


async def test_a_stream_that_keeps_nothing_may_go_back_in_time_between_sessions(
    node: LocalNode, live_only: DataStream
) -> None:
    async with (
        await node.data.open_writer(live_only) as writer,
        node.data.subscribe(live_only) as cursor,
    ):
        await writer.write(make_rows([100]))
        with pytest.raises(Exception, match="Non-monotonic"):
            await writer.write(make_rows([1]))
        await writer.write(make_rows([2]))
        await writer.close()
        assert await everything(cursor) == [100, BREAK, 2]


async def test_a_stream_that_begins_to_keep_rows_remembers_those_it_kept_before(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([100]))
    await node.catalog.update_stream(DataStream, stream.id, {"keep_us": 0})
    async with node.data.subscribe(stream, 0) as cursor:
        assert await everything(cursor) == []
        async with await node.data.open_writer(stream) as writer:
            await writer.write(make_rows([5]))
        await node.catalog.update_stream(DataStream, stream.id, {"keep_us": -1})
        async with await node.data.open_writer(stream) as writer:
            await writer.write(make_rows([10]))
    assert await stored(node, stream) == [10, BREAK, 100]
