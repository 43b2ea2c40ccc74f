from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.node import live
from joule.testing.clock import settle
from tests.unit.node.support import BREAK, everything, make_rows, take

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import LocalNode
    from tests.unit.node.support import ChosenEngine


async def test_a_cursor_that_starts_in_the_past_reads_the_store_and_then_goes_on_live(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(1, 8)))
        async with node.data.subscribe(stream, 3) as cursor:
            await writer.write(make_rows([8]))
            waiting = asyncio.ensure_future(take(cursor, 3))
            await settle()
            await writer.write(make_rows([9]))
            assert await waiting == [3, 4, 5, 6, 7, 8, 9]


async def test_a_cursor_that_starts_in_the_future_waits_for_it(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1]))
        async with node.data.subscribe(stream, 4) as cursor:
            waiting = asyncio.ensure_future(take(cursor, 1))
            await settle()
            await writer.write(make_rows([2, 3]))
            await writer.write(make_rows([3 + 1, 5]))
            assert await waiting == [4, 5]


async def test_without_a_producer_a_cursor_from_the_past_ends_with_the_last_row(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        await writer.end_interval()
        await writer.write(make_rows([3]))
    async with node.data.subscribe(stream, 0) as cursor:
        assert await everything(cursor) == [1, 2, BREAK, 3]
    assert not node.data._logs


async def test_a_reader_that_resumes_at_its_last_row_learns_of_the_break_behind_it(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        await writer.end_interval()
        await writer.write(make_rows([3]))
    async with node.data.subscribe(stream, 2) as cursor:
        assert await everything(cursor) == [2, BREAK, 3]


@pytest.mark.usefixtures("small_buffers")
async def test_a_cursor_that_fell_behind_reads_the_store_and_rejoins_without_a_seam(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([1]))
        assert await take(cursor, 1) == [1]
        for time in range(2, 20):
            await writer.write(make_rows([time]))
        first = await take(cursor, 3)
        await writer.write(make_rows([20]))
        await writer.close()
        assert first + await everything(cursor) == list(range(2, 21))
    assert engine.chosen.reads == 2  # the first one ended before row 15 had left the buffer
    assert engine.chosen.open_reads == 0


@pytest.mark.usefixtures("small_buffers")
async def test_a_cursor_can_be_closed_while_another_task_waits_for_the_store(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(1, 100)))
        cursor = node.data.subscribe(stream, 0)
        reading = asyncio.ensure_future(everything(cursor))
        await engine.chosen.reading.wait()
        await cursor.close()
        assert len(await reading) < 99
        assert engine.chosen.open_reads == 0


@pytest.mark.usefixtures("small_buffers")
async def test_cancelling_a_read_of_the_past_loses_nothing(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(1, 10)))
    async with node.data.subscribe(stream, 0) as cursor:
        seen = await take(cursor, 1)
        interrupted = asyncio.ensure_future(anext(cursor))
        await asyncio.sleep(0)
        interrupted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await interrupted
        assert engine.chosen.open_reads == 0
        assert seen + await everything(cursor) == list(range(1, 10))


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("break_before", [2, 5, 15, 16, 17, 19])
async def test_a_break_is_told_once_wherever_it_lies_for_a_cursor_that_fell_behind(
    node: LocalNode, stream: DataStream, break_before: int
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows([1]))
        await take(cursor, 1)
        for time in range(2, 20):
            if time == break_before:
                await writer.end_interval()
            await writer.write(make_rows([time]))
        await writer.close()
        seen = await everything(cursor)
    assert seen == [*range(2, break_before), BREAK, *range(break_before, 20)]


@pytest.mark.usefixtures("small_buffers")
async def test_a_write_larger_than_the_live_buffer_reaches_all_cursors(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        await writer.write(make_rows(range(1, 101)))
        await writer.write(make_rows(range(101, 201)))
        await writer.close()
        assert await everything(cursor) == list(range(1, 201))


async def test_all_live_buffers_together_are_bounded(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = live.LiveBudget(2000)
    buffers = [live.LiveBuffer(budget) for _ in range(10)]
    for time in range(50):
        for buffer in buffers:
            buffer.push(live.Entry(make_rows([time]), starts_interval=False))
            assert budget.size_bytes <= 2000
            assert budget.size_bytes == sum(each.size_bytes for each in buffers)
    assert all(buffer.floor >= 45 for buffer in buffers)
