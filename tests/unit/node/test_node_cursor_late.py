from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.models.intervals import Interval
from joule.testing.clock import settle
from tests.unit.node.support import BREAK, everything, make_rows, stored, take

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import LocalNode
    from tests.unit.node.support import ChosenEngine


async def test_a_cursor_that_keeps_up_sees_late_rows_between_breaks(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([100, 101]))
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([102]))
        await writer.end_interval()
        await writer.write(make_rows([110]))
        await writer.close()
        assert await everything(cursor) == [102, BREAK, 110]
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([50, 51]))
        await writer.write(make_rows([52]))
        await writer.write(make_rows([111]))
        await writer.close()
        assert await everything(cursor) == [50, 51, 52, BREAK, 111]
    assert await stored(node, stream) == [
        50,
        51,
        52,
        BREAK,
        100,
        101,
        BREAK,
        102,
        BREAK,
        110,
        BREAK,
        111,
    ]


@pytest.mark.usefixtures("small_buffers")
async def test_a_cursor_in_the_past_sees_late_rows_ahead_of_it_in_their_place_and_once(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(10, 100, 10)))
    async with (
        await node.data.open_writer(stream) as writer,
        node.data.subscribe(stream, 0) as cursor,
    ):
        begun = await take(cursor, 1)
        assert begun == [10, 20, 30]
        await writer.write(make_rows([55]))
        await writer.write(make_rows([100]))
        await writer.close()
        rest = await everything(cursor)
    assert rest == [40, 50, BREAK, 55, BREAK, 60, 70, 80, 90, BREAK, 100]


@pytest.mark.usefixtures("small_buffers")
async def test_a_cursor_in_the_past_does_not_see_rows_deleted_ahead_of_it(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(1, 10)))
        async with node.data.subscribe(stream, 0) as cursor:
            assert await take(cursor, 1) == [1, 2, 3]
            await node.data.delete(stream, Interval(3, 6))
            await writer.close()
            assert await everything(cursor) == [BREAK, 6, 7, 8, 9]


async def test_after_the_last_rows_were_deleted_a_writer_goes_on_with_a_break(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([1, 2, 3]))
        await node.data.delete(stream, Interval(2, 10))
        await writer.write(make_rows([4]))
        await writer.close()
        assert await everything(cursor) == [1, 2, 3, BREAK, 4]
    assert await stored(node, stream) == [1, BREAK, 4]


async def test_a_cursor_survives_the_deletion_of_everything(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2, 3]))
        async with node.data.subscribe(stream, 2) as cursor:
            await node.data.delete(stream)
            await writer.write(make_rows([4]))
            await writer.close()
            assert await everything(cursor) == [4]


async def test_late_rows_that_join_an_interval_are_apart_for_a_cursor_that_comes_from_the_tip(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([50]))
        await writer.end_interval()
        await writer.write(make_rows([1000]))
    async with (
        await node.data.open_writer(stream, merge_gap_us=10) as writer,
        node.data.subscribe(stream, 0) as cursor,
    ):
        assert await take(cursor, 2) == [50, BREAK, 1000]
        waiting = asyncio.ensure_future(take(cursor, 1))
        await settle()
        await writer.write(make_rows([55]))
        assert await waiting == [BREAK, 55]
    assert await stored(node, stream) == [50, 55, BREAK, 1000]


async def test_late_rows_seen_in_the_store_before_their_merge_returned_are_not_told_again(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([10, 20]))
    async with (
        await node.data.open_writer(stream) as writer,
        node.data.subscribe(stream, 0) as cursor,
    ):
        engine.chosen.inserted.clear()
        merging = asyncio.ensure_future(writer.write(make_rows([15])))
        await settle()
        assert await take(cursor, 3) == [10, BREAK, 15, BREAK, 20]
        rest = asyncio.ensure_future(everything(cursor))
        await settle()
        engine.chosen.inserted.set()
        await merging
        await writer.write(make_rows([30]))
        await writer.close()
        assert await rest == [BREAK, 30]


async def test_a_cursor_finds_late_rows_although_the_live_buffer_holds_all_others(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream):
        await writer.write(make_rows([10, 20]))
        await writer.close()
        async with await node.data.open_writer(stream) as late:
            await late.write(make_rows([15]))
        async with node.data.subscribe(stream, 10) as cursor:
            assert await everything(cursor) == [10, BREAK, 15, BREAK, 20]


async def test_a_block_read_before_a_deletion_is_not_delivered_after_it(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2, 3]))
    async with node.data.subscribe(stream, 0) as cursor:
        engine.chosen.readable.clear()
        waiting = asyncio.ensure_future(everything(cursor))
        await settle()
        await node.data.delete(stream, Interval(2, 3))
        engine.chosen.readable.set()
        assert await waiting == [1, BREAK, 3]


async def test_changes_behind_a_cursor_do_not_make_it_read_again(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, small_buffers: None
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(10, 100, 10)))
    async with (
        await node.data.open_writer(stream) as writer,
        node.data.subscribe(stream, 0) as cursor,
    ):
        assert await take(cursor, 1) == [10, 20, 30]
        await writer.write(make_rows([15]))
        await node.data.delete(stream, Interval(20, 30))
        assert await take(cursor, 1) == [40, 50, 60]
        assert engine.chosen.reads == 1
        await node.data.delete(stream, Interval(80, 90))
        assert await take(cursor, 2) == [70, BREAK, 90]
        assert engine.chosen.reads == 2


async def test_a_block_before_a_change_is_delivered_although_the_change_came_meanwhile(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, small_buffers: None
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(10, 100, 10)))
    async with node.data.subscribe(stream, 0) as cursor:
        engine.chosen.readable.clear()
        waiting = asyncio.ensure_future(take(cursor, 1))
        await settle()
        await node.data.delete(stream, Interval(50, 60))
        engine.chosen.readable.set()
        assert await waiting == [10, 20, 30]
        assert engine.chosen.reads == 1
        assert await everything(cursor) == [40, BREAK, 60, 70, 80, 90]


async def test_rows_that_retention_removed_are_not_found_in_the_live_buffer(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream):
        await writer.write(make_rows(range(1, 10)))
        await node.data.retain(stream, 5)
        async with node.data.subscribe(stream, 0) as cursor:
            await writer.close()
            assert await everything(cursor) == [5, 6, 7, 8, 9]


async def test_rows_written_again_over_deleted_ones_are_read_once(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream):
        await writer.write(make_rows(range(1, 11)))
        await node.data.delete(stream, Interval(5, 11))
        await writer.abort()
        async with await node.data.open_writer(stream) as again:
            await again.write(make_rows([6]))
            await again.end_interval()
            await again.write(make_rows(range(7, 16)))
            async with node.data.subscribe(stream, 1) as cursor:
                await again.close()
                seen = await everything(cursor)
    assert seen == [1, 2, 3, 4, BREAK, 6, BREAK, *range(7, 16)]


async def test_a_break_made_while_a_cursor_reads_the_past_is_told_before_the_next_rows(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        async with node.data.subscribe(stream, 0) as cursor:
            assert await take(cursor, 1) == [1, 2]
            await writer.end_interval()
            assert await take(cursor, 1) == [BREAK]
