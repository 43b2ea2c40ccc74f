"""A ``SampleStore`` at a NilmDB server: rows wait here until a commit, everything else is there.

This file says which rows a question is about, those that wait and those at the server; how the
server is asked is in the files it uses. ``docs/nilmdb.md`` says what differs from other engines.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

from joule.models.decimation import reduce
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.storage.interfaces import Block, DecimatedBlock
from joule.storage.nilmdb import answers
from joule.storage.nilmdb.covering import ChangedError, Covering
from joule.storage.nilmdb.editing import Editor
from joule.storage.nilmdb.flushing import Flusher
from joule.storage.nilmdb.gate import Gate
from joule.storage.nilmdb.levels import Levels, base_path
from joule.storage.nilmdb.making import make_levels
from joule.storage.nilmdb.packing import GroupBlocks
from joule.storage.nilmdb.pending import Pending
from joule.storage.nilmdb.reading import stretches
from joule.storage.nilmdb.rewriting import Rewriter
from joule.storage.nilmdb.searching import last_row
from joule.storage.stretch import cut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

    from joule.models.layout import Rows
    from joule.storage.interfaces import CatalogStore, SampleInfo, StreamRef
    from joule.storage.nilmdb.session import Session
    from joule.storage.stretch import Stretch

T = TypeVar("T")

BLOCK_BYTES: Final = 512 * 1024
BLOCK_GROUPS: Final = 4096
RETAINED_BYTES: Final = 16 * 1024
"""Rows that are too old are removed when there are so many."""
LISTED_MAX: Final = 16
"""The list of all paths is asked for when more streams are wanted."""


class NilmdbSamples:
    """The rows of all streams; :meth:`recover` comes before anything else."""

    def __init__(self, session: Session, catalog: CatalogStore) -> None:
        self._session = session
        self._pending = Pending()
        self._levels = Levels(session)
        self._flusher = Flusher(session, self._pending, self._levels)
        self._rewriter = Rewriter(session, catalog)
        self._committing = asyncio.Lock()
        self._gates: defaultdict[int, Gate] = defaultdict(Gate)

    async def recover(self) -> None:
        """Finish a replacement of rows that was cut off."""
        await self._rewriter.recover()

    # ------------------------------------------------------------------ coming in

    @property
    def pending_bytes(self) -> int:
        return self._pending.bytes

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool = False) -> None:
        assert rows.dtype == stream.layout.dtype, "rows of another layout"
        if len(rows):
            self._pending.append(stream, rows, starts_interval=starts_interval)

    async def commit(self) -> None:
        await _wholly(self._commit())

    async def make_room(self) -> None:
        await self.commit()

    async def _commit(self) -> None:
        async with self._committing:
            await self._flusher.flush_all(self._gates.__getitem__)

    async def insert(
        self, stream: StreamRef, rows: Rows, *, starts_interval: bool, ends_interval: bool
    ) -> None:
        async def work(editor: Editor) -> None:
            await self._flusher.prepare(stream)
            await editor.insert(rows, starts_interval=starts_interval, ends_interval=ends_interval)

        if len(rows):
            await _wholly(self._edit(stream, work))

    # ------------------------------------------------------------------ going out

    async def last_before(self, stream: StreamRef, timestamp: int) -> int | None:
        view = self._pending.view(stream.id)
        if view is not None and view.first < timestamp:
            return int(view.rows["timestamp"][view.span(Interval(MIN_TIME, timestamp))[1] - 1])
        async with self._passing(stream):
            return await last_row(self._levels.path(stream, 1), int(timestamp))

    async def info(self, stream: StreamRef) -> SampleInfo:
        return (await self.infos([stream]))[0]

    async def infos(self, streams: Sequence[StreamRef]) -> list[SampleInfo]:
        async with AsyncExitStack() as stack:
            for stream in streams:
                await stack.enter_async_context(self._passing(stream))
            return await self._infos(streams)

    async def _infos(self, streams: Sequence[StreamRef]) -> list[SampleInfo]:
        views = [self._pending.view(stream.id) for stream in streams]
        paths = [base_path(stream.id) for stream in streams]
        if len(streams) > LISTED_MAX:
            entries = await self._session.entries("/joule/%")
        else:
            patterns = [pattern for path in paths for pattern in (path, f"{path}~decim-%")]
            entries = await self._session.entries(*patterns) if streams else []
        sums = answers.sums_of(entries)
        found = []
        for stream, view, path in zip(streams, views, paths, strict=True):
            known = sums.get(path, answers.NOTHING)
            if known.extent is not None and view is not None and known.extent.end > view.first:
                # Rows that wait here are there already, or will soon be known to be.
                stored = Interval(MIN_TIME, view.first)
                known = known._replace(rows=await self._levels.path(stream, 1).count(stored))
            found.append(answers.info_of(known, view))
        return found

    async def count(self, stream: StreamRef, interval: Interval) -> int:
        view = self._pending.view(stream.id)
        waiting = 0 if view is None else len(view.clip(interval))
        async with self._passing(stream):
            stored = await self._levels.path(stream, 1).count(answers.stored_part(interval, view))
        return stored + waiting

    async def intervals(self, stream: StreamRef, interval: Interval) -> list[Interval]:
        view = self._pending.view(stream.id)
        async with self._passing(stream):
            path = self._levels.path(stream, 1)
            return await answers.intervals(path, view, interval)

    async def read(self, stream: StreamRef, interval: Interval) -> AsyncIterator[Block]:
        view = self._pending.view(stream.id)
        size = max(1, BLOCK_BYTES // stream.layout.row_bytes)
        begun = False
        async for stretch in self._stretches(stream, interval, view):
            for run in stretch.runs():
                for piece in cut(run, size):
                    yield Block(piece.rows, piece.starts_interval and begun)
                    begun = True
        if begun and await self._ends_in_gap(stream, interval, view):
            yield Block(stream.layout.empty(), starts_interval=True)

    async def _stretches(
        self, stream: StreamRef, interval: Interval, view: Stretch | None
    ) -> AsyncIterator[Stretch]:
        path = self._levels.path(stream, 1)
        bounds = await self._bounded(stream, answers.stored_part(interval, view))
        async with self._passing(stream):
            rows = await path.count(bounds)
        if rows:
            async for stretch in stretches(path, self._gates[stream.id], bounds, rows):
                yield stretch
        if view is not None and len(part := view.clip(interval)):
            yield part

    async def read_decimated(
        self, stream: StreamRef, interval: Interval, level: int
    ) -> AsyncIterator[DecimatedBlock]:
        view = self._pending.view(stream.id)
        bounds = await self._bounded(stream, answers.stored_part(interval, view))
        blocks = GroupBlocks(level)
        covering = Covering(stream, self._levels, self._gates[stream.id], level)
        begun = False
        while bounds.start < bounds.end:
            try:
                async for part, starts in covering.parts(bounds, is_begin=not begun):
                    begun = True
                    blocks.push(part, starts_interval=starts)
                    if blocks.groups >= BLOCK_GROUPS:
                        for block in blocks.take():
                            yield block
            except ChangedError as change:
                bounds = bounds._replace(start=change.position)
            else:
                break
        if view is not None and len(waiting := view.clip(interval)):
            blocks.push(waiting, starts_interval=False)
        blocks.finish()
        for block in blocks.take():
            yield block
        if await self._ends_in_gap(stream, interval, view):
            none = reduce(stream.layout.empty(), 1)
            yield DecimatedBlock(none, starts_interval=True)

    async def _bounded(self, stream: StreamRef, bounds: Interval) -> Interval:
        """Give the part of a range that has rows now, so that a read ends."""
        async with self._passing(stream):
            extent, _ = await self._levels.path(stream, 1).extent()
        return bounds.clip(extent) or Interval(0, 0)

    async def _ends_in_gap(
        self, stream: StreamRef, interval: Interval, view: Stretch | None
    ) -> bool:
        if interval.end >= MAX_TIME:
            return False
        last = await self.last_before(stream, interval.end)
        if last is None or last < interval.start or interval.end == last + 1:
            return False
        async with self._passing(stream):
            path = self._levels.path(stream, 1)
            return await answers.ends_in_gap(path, view, last, interval.end)

    # ------------------------------------------------------------------ changes

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        bounds = Interval(int(interval.start), int(interval.end))
        return await _wholly(self._edit(stream, lambda editor: editor.delete(bounds)))

    async def consolidate(self, stream: StreamRef, interval: Interval, max_gap_us: int) -> int:
        bounds = Interval(int(interval.start), int(interval.end))
        work = self._edit(stream, lambda editor: editor.consolidate(bounds, int(max_gap_us)))
        return await _wholly(work)

    async def retain(self, stream: StreamRef, before: int) -> int:
        path = self._levels.path(stream, 1)
        extent, _ = await path.extent()
        if extent.start >= before or extent == Interval(0, 0):
            return 0
        old = await path.count(Interval(MIN_TIME, int(before)))
        if old * stream.layout.row_bytes < RETAINED_BYTES:
            return 0
        return await self.delete(stream, Interval(MIN_TIME, before))

    async def drop(self, streams: Sequence[int]) -> None:
        await _wholly(self._drop(streams))

    async def _drop(self, streams: Sequence[int]) -> None:
        for stream_id in streams:
            async with self._gates[stream_id].alone():
                self._pending.drop([stream_id])
                self._flusher.drop([stream_id])
                self._levels.forget(stream_id)
                path = base_path(stream_id)
                for entry in await self._session.entries(path, f"{path}~%"):
                    await self._session.remove(entry.path, ALL_TIME)
                    await self._session.destroy(entry.path)

    async def decimate(self, stream: StreamRef) -> None:
        await _wholly(self._decimate(stream))

    async def _decimate(self, stream: StreamRef) -> None:
        await self._edit(stream, lambda _: self._levels.drop(stream))
        self._levels.being_made.add(stream.id)
        try:
            await make_levels(self._levels, stream, self._gates[stream.id])
        finally:
            self._levels.being_made.discard(stream.id)

    async def drop_decimations(self, stream: StreamRef) -> None:
        await _wholly(self._edit(stream, lambda _: self._levels.drop(stream)))

    async def _edit(self, stream: StreamRef, work: Callable[[Editor], Awaitable[T]]) -> T:
        """Change a stream, alone and with nothing of it waiting."""
        gate = self._gates[stream.id]
        async with gate.alone():
            await self._flusher.flush(stream)
            try:
                return await work(Editor(stream, self._levels, self._rewriter))
            finally:
                self._flusher.forget([stream.id])
                self._levels.forget(stream.id)
                if self._rewriter.unfinished == stream.id:
                    gate.repair = self._rewriter.finish

    def _passing(self, stream: StreamRef) -> AbstractAsyncContextManager[None]:
        return self._gates[stream.id].shared()


async def _wholly(work: Coroutine[Any, Any, T]) -> T:
    """Do it to its end even when the caller is cancelled; then let that out."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
