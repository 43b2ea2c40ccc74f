from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.unit.node.support import BREAK, make_rows, stored, told

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import Cursor, LocalNode, Writer


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
    await ingest.run(250, late=True)
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
