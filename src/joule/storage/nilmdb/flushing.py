"""How waiting rows get to the server: a few streams at a time, each in order, nothing twice.

An insert whose answer was lost may have been done. NilmDB does one wholly or not at all, and covers
its time when it does: so the coverage tells, before the same rows are sent again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from joule.errors import StorageError, StorageFormatError
from joule.models.intervals import Interval
from joule.storage.nilmdb.session import RefusedError
from joule.storage.nilmdb.stored import INSERT_BYTES
from joule.storage.stretch import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from joule.storage.interfaces import StreamRef
    from joule.storage.nilmdb.gate import Gate
    from joule.storage.nilmdb.levels import Levels
    from joule.storage.nilmdb.pending import Pending
    from joule.storage.nilmdb.session import Session
    from joule.storage.stretch import Stretch

REQUESTS_MAX: Final = 8
"""So many streams are sent at the same time."""


class Flusher:
    """Sends the rows of ``pending``; knows where each stream's covered time ends."""

    def __init__(self, session: Session, pending: Pending, levels: Levels) -> None:
        self._session = session
        self._pending = pending
        self._levels = levels
        self._ends: dict[int, int | None] = {}
        self._doubts: dict[int, Interval] = {}

    async def flush_all(self, gate_of: Callable[[int], Gate]) -> None:
        """Send the rows of all streams; raise the first error.

        What the server refuses of one stream keeps no other; an outage ends it.
        """
        turns = asyncio.Semaphore(REQUESTS_MAX)
        failures: list[StorageError] = []

        async def flush(stream: StreamRef) -> None:
            async with turns:
                if all(isinstance(failure, RefusedError) for failure in failures):
                    await self._try_flush(stream, gate_of(stream.id), failures)

        async with asyncio.TaskGroup() as group:
            for stream in self._pending.streams():
                group.create_task(flush(stream))
        if failures:
            raise failures[0]

    async def _try_flush(self, stream: StreamRef, gate: Gate, failures: list[StorageError]) -> None:
        try:
            async with gate.shared():
                await self.flush(stream)
        except StorageError as error:
            failures.append(error)

    async def flush(self, stream: StreamRef) -> None:
        """Send the rows of one stream; the caller has passed its gate."""
        waiting = self._pending.view(stream.id)
        if waiting is None:
            return
        await self.prepare(stream)
        if stream.id in self._doubts:
            waiting = await self._settle_doubt(stream, waiting)
        size = max(1, INSERT_BYTES // stream.layout.row_bytes)
        for run in waiting.runs():
            for piece in cut(run, size):
                await self._insert(stream, piece)

    def forget(self, stream_ids: Iterable[int]) -> None:
        """Ask the server anew where these streams end: they were changed."""
        for stream_id in stream_ids:
            self._ends.pop(stream_id, None)

    def drop(self, stream_ids: Iterable[int]) -> None:
        """Forget everything about streams that are gone."""
        for stream_id in stream_ids:
            self._ends.pop(stream_id, None)
            self._doubts.pop(stream_id, None)

    async def prepare(self, stream: StreamRef) -> None:
        """Make the path of a stream and look where its covered time ends, once."""
        if stream.id in self._ends:
            return
        path = self._levels.path(stream, 1)
        await path.create()
        entries = [e for e in await self._session.entries(path.path) if e.path == path.path]
        for entry in entries:
            if entry.layout != str(stream.layout):
                raise StorageFormatError(
                    f"NilmDB has rows of {entry.layout} at [{path.path}], not of {stream.layout}"
                )
        extent, rows = await path.extent()
        self._ends[stream.id] = extent.end if rows else None

    async def _insert(self, stream: StreamRef, piece: Stretch) -> None:
        end = self._ends[stream.id]
        goes_on = end is not None and not piece.starts_interval and end <= piece.first
        bounds = Interval(end if end is not None and goes_on else piece.first, piece.last + 1)
        self._doubts[stream.id] = bounds
        try:
            await self._levels.path(stream, 1).insert_at_once(bounds, piece.rows)
        except RefusedError:
            # What HTTP clients and proxies repeat by themselves is refused the second time.
            self.forget([stream.id])
            raise
        del self._doubts[stream.id]
        self._ends[stream.id] = bounds.end
        self._pending.settle(stream.id, len(piece))
        await self._levels.follow(stream, piece)

    async def _settle_doubt(self, stream: StreamRef, waiting: Stretch) -> Stretch:
        """Find out whether the last insert was done; give the rows that are still to be sent."""
        bounds = self._doubts[stream.id]
        path = self._levels.path(stream, 1)
        coverage = await path.coverage(bounds)
        if not coverage:
            del self._doubts[stream.id]
            return waiting
        sent = waiting.span(bounds)[1]
        if coverage != [bounds] or await path.count(bounds) != sent:
            raise StorageError(
                f"NilmDB has rows that are not ours at [{path.path}] "
                f"between {bounds.start} and {bounds.end}"
            )
        del self._doubts[stream.id]
        self._ends[stream.id] = bounds.end
        self._pending.settle(stream.id, sent)
        self._levels.forget(stream.id)
        return waiting.part(sent, len(waiting))
