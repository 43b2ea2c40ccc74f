"""Helpers for the tests of the node: rows, streams, and a store whose faults a test chooses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.models.streams import DataStream, Element
from joule.node import LocalNode
from joule.storage.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from joule.models.folders import Folder
    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.node import Catalog, Cursor
    from joule.storage.interfaces import Block, StreamRef
    from joule.storage.memory.samples import MemorySamples
    from joule.testing.clock import FakeClock

LAYOUT = Layout("int32", 1)
BREAK = "|"


def make_rows(times: Iterable[int], layout: Layout = LAYOUT) -> Rows:
    """Rows whose values tell their timestamps."""
    stamps = np.fromiter(times, dtype=np.int64)
    rows = np.zeros(len(stamps), dtype=layout.dtype)
    rows["timestamp"] = stamps
    rows["data"] = (stamps % 1000)[:, None]
    return rows


def make_stream(name: str = "s", layout: Layout = LAYOUT, **attributes: Any) -> DataStream:
    elements = [Element(f"e{i}") for i in range(layout.width)]
    return DataStream(name, datatype=layout.datatype, elements=elements, **attributes)


def told(block: Block) -> list[int | str]:
    """A block as its timestamps, with a mark where a break is."""
    times: list[int | str] = [int(t) for t in block.rows["timestamp"]]
    return [BREAK, *times] if block.starts_interval else times


async def everything(blocks: AsyncIterator[Block]) -> list[int | str]:
    """All timestamps and breaks until the end."""
    out: list[int | str] = []
    async for block in blocks:
        out += told(block)
    return out


async def take(cursor: Cursor, count: int) -> list[int | str]:
    """Timestamps and breaks of the next ``count`` blocks."""
    out: list[int | str] = []
    for _ in range(count):
        block = await anext(cursor, None)
        assert block is not None, f"the cursor ended after {out}"
        out += told(block)
    return out


def story(intervals: Sequence[Interval], times: Iterable[int]) -> list[int | str]:
    """What a reader of the whole past must see: timestamps, and breaks between intervals."""
    starts = {interval.start for interval in intervals[1:]}
    out: list[int | str] = []
    for time in times:
        out += [BREAK, time] if time in starts else [time]
    return out


async def stored(node: LocalNode, stream: DataStream) -> list[int | str]:
    """What a reader of the whole past sees now."""
    reading = await node.data.read(stream, ALL_TIME)
    times = [int(t) async for block in reading.blocks for t in block.rows["timestamp"]]
    return story(await node.data.intervals(stream), times)


class ChosenSamples:
    """Samples of another store; commits can fail or be held, reads give way to other tasks."""

    def __init__(self, samples: MemorySamples) -> None:
        self._samples = samples
        self.failure: Exception | None = None
        self.held: asyncio.Event | None = None
        self.commits = 0
        self.keeps = 0  # so many bytes go on waiting when room is made
        self.dropped: list[list[int]] = []
        self.reads = 0
        self.reading = asyncio.Event()
        self.readable = asyncio.Event()  # cleared: blocks are fetched and not given out yet
        self.readable.set()
        self.inserted = asyncio.Event()  # cleared: inserts are done and do not return yet
        self.inserted.set()
        self.deleted = asyncio.Event()  # likewise
        self.deleted.set()
        self.open_reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._samples, name)

    async def commit(self) -> None:
        self.commits += 1
        if self.held is not None:
            await self.held.wait()
        if self.failure is not None:
            raise type(self.failure)(*self.failure.args)
        await self._samples.commit()

    async def make_room(self) -> None:
        kept = min(self.keeps, self._samples.pending_bytes)
        await self.commit()
        self._samples._pending_bytes = kept

    async def read(self, stream: StreamRef, interval: Interval) -> AsyncIterator[Block]:
        self.reads += 1
        self.open_reads += 1
        self.reading.set()
        try:
            async for block in self._samples.read(stream, interval):
                await asyncio.sleep(0)
                await self.readable.wait()
                yield block
                await asyncio.sleep(0)
        finally:
            self.open_reads -= 1

    async def insert(self, stream: StreamRef, rows: Rows, **flags: bool) -> None:
        await asyncio.sleep(0)
        await self._samples.insert(stream, rows, **flags)
        await self.inserted.wait()
        await asyncio.sleep(0)

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        count = await self._samples.delete(stream, interval)
        await self.deleted.wait()
        return count

    async def last_before(self, stream: StreamRef, timestamp: int) -> int | None:
        last = await self._samples.last_before(stream, timestamp)
        await asyncio.sleep(0)
        return last

    async def drop(self, streams: Sequence[int]) -> None:
        self.dropped.append(list(streams))
        await self._samples.drop(streams)


class ChosenEngine(MemoryEngine):
    """A memory engine over :class:`ChosenSamples`; counts the transactions of the catalog."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen = ChosenSamples(self._samples)

    @property
    def samples(self) -> Any:
        return self.chosen


def shape(folder: Folder) -> dict[str, Any]:
    """A folder tree as nested dictionaries, streams as None."""
    names = [s.name for s in folder.data_streams] + [s.name for s in folder.event_streams]
    return {child.name: shape(child) for child in folder.children} | dict.fromkeys(names)


def stamp_of(item: Folder | DataStream) -> datetime:
    assert item.updated_at is not None
    return item.updated_at


async def reopened(engine: ChosenEngine, clock: FakeClock) -> Catalog:
    """The catalog as the next process finds it."""
    return (await LocalNode.open(engine, "n", clock=clock)).catalog


async def write_session(
    node: LocalNode, stream: DataStream, *blocks: list[int], gap: int = 0
) -> None:
    """One session; an empty block is the end of an interval."""
    async with await node.data.open_writer(stream, merge_gap_us=gap) as writer:
        for times in blocks:
            if times:
                await writer.write(make_rows(times))
            else:
                await writer.end_interval()


async def runs_of(node: LocalNode, stream: DataStream) -> list[tuple[int, int]]:
    return [(start, end - 1) for start, end in await node.data.intervals(stream)]
