"""The embedded engine's rows: a ``SampleStore`` over tails in memory and chunks in the file.

This file only brings things to the right thread: appends and views of tails stay on the event
loop, everything that touches the file or compresses runs on the threads of the ``Database``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.storage.embedded import (
    chunk_table,
    cold,
    doomed,
    editing,
    quarantine,
    queries,
    span_table,
    tail_table,
)
from joule.storage.embedded.ahead import Encoders
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.chunks import Chunks
from joule.storage.embedded.covering import cover
from joule.storage.embedded.damage import reported_as, stream_name
from joule.storage.embedded.decoding import Decoders
from joule.storage.embedded.group_reading import GroupReader
from joule.storage.embedded.reading import RowReader
from joule.storage.embedded.recovery import look, rewrite
from joule.storage.embedded.sealing import Sealer
from joule.storage.embedded.tails import Tails
from joule.storage.stretch import FIRST_ROW, NO_BREAKS, Stretch

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Callable, Sequence

    import apsw

    from joule.models.layout import Rows
    from joule.storage.embedded.database import Database
    from joule.storage.embedded.reading import RangeReader
    from joule.storage.embedded.sealing import Outcome
    from joule.storage.embedded.tail import View
    from joule.storage.interfaces import Block, DecimatedBlock, SampleInfo, StreamRef

T = TypeVar("T")
B = TypeVar("B")

SCHEMA: Final = "".join(
    part.SCHEMA for part in (chunk_table, span_table, tail_table, quarantine, doomed, cold)
)
SWEEPS: Final = 8
RECODES: Final = 8
CHUNKS_PER_STEP: Final = 32
INFOS_PER_STEP: Final = 100


class EmbeddedSamples:
    """A ``SampleStore`` in a ``Database``; :meth:`recover` comes before anything else."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._encoders = Encoders()
        self._decoders = Decoders()
        self._tails = Tails(self._encoders)

    async def recover(self) -> None:
        """Take over the tail records of the last time, all that can be proven of them."""
        found = await self._database.read(look)
        if not found.is_whole:
            await self._database.write(partial(rewrite, found=found))
            found = await self._database.read(look)
        found.restore(self._tails)

    def close(self) -> None:
        """End the threads. Idempotent."""
        self._encoders.close()
        self._decoders.close()

    async def maintain(self) -> None:
        """Seal a bounded number of aged tails, remove a bounded part of deleted streams."""
        await self._change(lambda sealer: (None, sealer.age()))
        for _ in range(SWEEPS):
            if not await self._change(lambda sealer: sealer.sweep()):
                break

    async def recode(self, streams: Sequence[StreamRef]) -> None:
        """Store a bounded number of old chunks of each stream in the smaller encoding."""
        for _ in range(RECODES):
            streams = [
                stream
                for stream in streams
                if await self._database.write(partial(cold.recode, stream=stream))
            ]

    # ------------------------------------------------------------------ coming in

    @property
    def pending_bytes(self) -> int:
        return self._tails.pending_bytes

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool = False) -> None:
        assert rows.dtype == stream.layout.dtype, "rows of another layout"
        if len(rows):
            rows = rows[:]
            rows.flags.writeable = False  # readers get views of these rows
            breaks = FIRST_ROW if starts_interval else NO_BREAKS
            self._tails.append(stream, Stretch(rows, breaks))

    async def commit(self) -> None:
        for _ in range(self._tails.transactions()):
            if self._tails.pending_bytes:
                await self._change(lambda sealer: (None, sealer.commit()))

    async def make_room(self) -> None:
        if self._tails.pending_bytes:
            await self._change(lambda sealer: (None, sealer.make_room()))

    async def insert(
        self, stream: StreamRef, rows: Rows, *, starts_interval: bool, ends_interval: bool
    ) -> None:
        if len(rows):
            flags = editing.Flags(starts_interval, ends_interval)
            last = int(rows["timestamp"][-1])
            await self._edit(stream, lambda c: editing.insert(c, rows, flags), until=last)

    # ------------------------------------------------------------------ going out

    async def last_before(self, stream: StreamRef, timestamp: int) -> int | None:
        view = self._tails.view(stream.id)
        return await self._ask(stream, lambda c: queries.last_before(c, view, int(timestamp)))

    async def info(self, stream: StreamRef) -> SampleInfo:
        view = self._tails.view(stream.id)
        return await self._ask(stream, lambda c: queries.info(c, view))

    async def infos(self, streams: Sequence[StreamRef]) -> list[SampleInfo]:
        found: list[SampleInfo] = []
        for first in range(0, len(streams), INFOS_PER_STEP):
            asked = [(s, self._tails.view(s.id)) for s in streams[first : first + INFOS_PER_STEP]]
            found += await self._database.read(partial(_infos, asked=asked))
        return found

    async def count(self, stream: StreamRef, interval: Interval) -> int:
        view = self._tails.view(stream.id)
        return await self._ask(stream, lambda c: queries.count(c, view, _plain(interval)))

    async def intervals(self, stream: StreamRef, interval: Interval) -> list[Interval]:
        view = self._tails.view(stream.id)
        bounds = _plain(interval)
        return await self._ask(stream, lambda c: queries.intervals(c, view, bounds))

    async def read(self, stream: StreamRef, interval: Interval) -> AsyncIterator[Block]:
        reader = RowReader(_plain(interval), self._tails.view(stream.id), self._decoders)
        async for block in self._steps(stream, reader):
            yield block

    async def read_decimated(
        self, stream: StreamRef, interval: Interval, level: int
    ) -> AsyncIterator[DecimatedBlock]:
        reader = GroupReader(_plain(interval), self._tails.view(stream.id), level)
        async for block in self._steps(stream, reader):
            yield block

    async def _steps(self, stream: StreamRef, reader: RangeReader[B]) -> AsyncIterator[B]:
        coming: Future[list[B]] | None = self._begin(stream, reader.step)
        try:
            while coming is not None:
                with reported_as(stream_name(stream)):
                    blocks = await coming
                # While the caller is busy with these blocks, the next ones are decoded.
                coming = None if reader.finished else self._begin(stream, reader.step)
                for block in blocks:
                    yield block
        finally:
            if coming is not None:
                coming.cancel()  # a caller that stops early leaves a step behind

    async def _ask(self, stream: StreamRef, query: Callable[[Chunks], T]) -> T:
        with reported_as(stream_name(stream)):
            return await self._begin(stream, query)

    def _begin(self, stream: StreamRef, query: Callable[[Chunks], T]) -> Future[T]:
        return self._database.begin_read(lambda c: query(Chunks(ChunkTable(c), stream)))

    # ------------------------------------------------------------------ changes

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        bounds = _plain(interval)
        if bounds.start >= bounds.end:
            return 0
        return await self._edit(stream, lambda c: editing.delete(c, bounds), until=bounds.end - 1)

    async def consolidate(self, stream: StreamRef, interval: Interval, max_gap_us: int) -> int:
        bounds = _plain(interval)
        return await self._edit(
            stream,
            lambda c: editing.consolidate(c, bounds, int(max_gap_us)),
            until=bounds.end - 1,
        )

    async def retain(self, stream: StreamRef, before: int) -> int:
        with reported_as(stream_name(stream)):
            return await self._change(lambda sealer: sealer.retain(stream, int(before)))

    async def drop(self, streams: Sequence[int]) -> None:
        await self._change(lambda sealer: (None, sealer.drop(streams)))

    async def decimate(self, stream: StreamRef) -> None:
        await self.drop_decimations(stream)
        decimated = replace(stream, decimate=True)
        position: int | None = MIN_TIME
        while position is not None:
            work = partial(_build_pyramids, stream=decimated, position=position)
            position = await self._database.write(work)

    async def drop_decimations(self, stream: StreamRef) -> None:
        await self._database.write(lambda c: ChunkTable(c).drop_pyramids(stream.id))

    async def _edit(self, stream: StreamRef, work: Callable[[Chunks], T], *, until: int) -> T:
        """Change chunks; the tail is sealed first when it has to do with rows up to ``until``."""

        def edit(sealer: Sealer) -> tuple[T, Outcome]:
            outcome = sealer.reach(stream, until)
            return work(sealer.chunks(stream)), outcome

        with reported_as(stream_name(stream)):
            return await self._change(edit)

    async def _change(self, work: Callable[[Sealer], tuple[T, Outcome]]) -> T:
        result, _ = await self._database.write(
            lambda connection: work(Sealer(connection, self._tails)),
            done=lambda both: self._tails.settle(*both[1]),
        )
        return result


def _plain(interval: Interval) -> Interval:
    """Give the bounds as Python integers: SQLite would take a numpy integer for a blob."""
    start, end = int(interval.start), int(interval.end)
    return Interval(max(start, MIN_TIME), min(end, MAX_TIME))


def _infos(
    connection: apsw.Connection, asked: Sequence[tuple[StreamRef, View]]
) -> list[SampleInfo]:
    found: list[SampleInfo] = []
    for stream, view in asked:
        with reported_as(stream_name(stream)):
            found.append(queries.info(Chunks(ChunkTable(connection), stream), view))
    return found


def _build_pyramids(connection: apsw.Connection, *, stream: StreamRef, position: int) -> int | None:
    """Compute the groups of the next chunks from ``position`` on; where to go on, or None."""
    chunks = Chunks(ChunkTable(connection), stream)
    found = list(islice(chunks.table.following(stream.id, position), CHUNKS_PER_STEP))
    for chunk in found:
        chunks.rebuild_pyramid(chunk)
    cover(chunks)
    more = len(found) == CHUNKS_PER_STEP and found[-1].last < MAX_TIME
    return found[-1].last + 1 if more else None
