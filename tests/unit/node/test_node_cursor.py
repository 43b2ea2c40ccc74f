from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.unit.node.support import BREAK, LAYOUT, everything, make_rows, story, take, told

from joule.errors import InvalidRequestError
from joule.models.intervals import ALL_TIME, Interval
from joule.node import live
from joule.storage.memory import samples as memory_samples
from joule.testing.clock import settle

if TYPE_CHECKING:
    from tests.unit.node.support import ChosenEngine

    from joule.models.streams import DataStream
    from joule.node import Cursor, LocalNode, Writer


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live buffers of a few rows and store blocks of three."""
    monkeypatch.setattr(live, "STREAM_BYTES_MAX", 5 * LAYOUT.row_bytes)
    monkeypatch.setattr(live, "ENTRY_BYTES", 0)
    monkeypatch.setattr(memory_samples, "BLOCK_BYTES", 3 * LAYOUT.row_bytes)


async def stored(node: LocalNode, stream: DataStream) -> list[int | str]:
    reading = await node.data.read(stream, ALL_TIME)
    times = [int(t) async for block in reading.blocks for t in block.rows["timestamp"]]
    return story(await node.data.intervals(stream), times)


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


# ------------------------------------------------------------------ from the past


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


# ------------------------------------------------------------------ late rows and removals


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


# ------------------------------------------------------------------ nothing stored


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


# ------------------------------------------------------------------ anything can happen


class Reader:
    """A cursor with a pace of its own that notes what it sees."""

    def __init__(self, cursor: Cursor, start: int, dice: random.Random) -> None:
        self.start = start
        self.seen: list[int | str] = []
        self._cursor = cursor
        self._dice = dice
        self._pace = dice.choice([0, 1, 5, 20])

    async def run(self) -> None:
        async with self._cursor as cursor:
            async for block in cursor:
                self.seen += told(block)
                for _ in range(self._dice.randint(0, self._pace)):
                    await asyncio.sleep(0)


class Ingest:
    """A writer that does random things in order, and readers that come at random moments."""

    def __init__(self, node: LocalNode, stream: DataStream, dice: random.Random) -> None:
        self.node = node
        self.stream = stream
        self.dice = dice
        self.time = 0
        self.readers: list[Reader] = []

    async def run(self, steps: int, *, late: bool = False) -> None:
        async with (
            await self.node.data.open_writer(self.stream) as writer,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(steps):
                if self.dice.random() < 0.1:
                    group.create_task(self._new_reader().run())
                await self._step(writer, late=late)
                for _ in range(self.dice.randint(0, 4)):
                    await asyncio.sleep(0)
            await writer.close()

    def _new_reader(self) -> Reader:
        live_only = self.dice.random() < 0.3
        start = self.time + 1 if live_only else self.dice.randint(0, self.time + 1)
        cursor = self.node.data.subscribe(self.stream, None if live_only else start)
        reader = Reader(cursor, start, self.dice)
        self.readers.append(reader)
        return reader

    async def _step(self, writer: Writer, *, late: bool) -> None:
        if self.dice.random() < 0.15:
            await writer.end_interval()
        elif late and self.time > 20 and self.dice.random() < 0.1:
            await self._backfill(writer)
        else:
            count = self.dice.randint(1, 8)
            # In order there are only even times, so that late rows find a place.
            await writer.write(make_rows(range(self.time + 2, self.time + 2 + 2 * count, 2)))
            self.time += 2 * count

    async def _backfill(self, writer: Writer) -> None:
        first = self.dice.randint(0, self.time // 2 - 5) * 2 + 1
        times = np.arange(first, first + 6, 2)
        held = {
            int(t)
            async for block in (await self.node.data.read(self.stream)).blocks
            for t in block.rows["timestamp"]
        }
        new = [int(t) for t in times if int(t) not in held and t < self.time]
        await writer.end_interval()
        if new:
            writer._after = None  # as a session of its own would begin
            await writer.write(make_rows(new))
            await writer.end_interval()
            writer._after = None


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("seed", range(12))
async def test_random_readers_see_every_row_once_and_every_break(
    node: LocalNode, stream: DataStream, seed: int
) -> None:
    ingest = Ingest(node, stream, random.Random(seed))
    await ingest.run(120)
    truth = await stored(node, stream)
    assert len(ingest.readers) > 3
    for reader in ingest.readers:
        assert trimmed(reader.seen) == from_start(truth, reader.start), f"seed {seed}"


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("seed", range(12))
async def test_with_late_rows_random_readers_still_see_rows_in_order_once(
    node: LocalNode, stream: DataStream, seed: int
) -> None:
    ingest = Ingest(node, stream, random.Random(seed))
    await ingest.run(120, late=True)
    truth = [t for t in await stored(node, stream) if t != BREAK]
    for reader in ingest.readers:
        times = [int(t) for t in reader.seen if t != BREAK]
        assert len(times) == len(set(times)), f"seed {seed}: a row twice"
        assert set(times) <= set(truth), f"seed {seed}: a row that there is not"
        in_order = [t for t in times if t % 2 == 0]
        wanted = [t for t in truth if isinstance(t, int) and t % 2 == 0 and t >= reader.start]
        assert in_order == wanted, f"seed {seed}"
        assert goes_back_only_at_breaks(reader.seen), f"seed {seed}"


def trimmed(seen: list[int | str]) -> list[int | str]:
    """Without a break at the very end, which only a reader that keeps up is told of."""
    return seen[:-1] if seen and seen[-1] == BREAK else seen


def from_start(truth: list[int | str], start: int) -> list[int | str]:
    first = next((i for i, t in enumerate(truth) if isinstance(t, int) and t >= start), None)
    return [] if first is None else truth[first:]


def goes_back_only_at_breaks(seen: list[int | str]) -> bool:
    last: int | str = BREAK
    for item in seen:
        if isinstance(item, int) and isinstance(last, int) and item <= last:
            return False
        last = item
    return True
