"""Changes of the rows a stream has already, from the lock to the last step.

One at a time for each stream; each step is a transaction, and new rows get their turn in between.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from joule.errors import DuplicateTimestampError
from joule.models.intervals import MIN_TIME, Interval
from joule.storage.postgres.levels import decimating, level_writing
from joule.storage.postgres.levels.decimating import Progress
from joule.storage.postgres.rows import editing, retention
from joule.storage.postgres.rows.row_writing import Tip

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.changes import Changes
    from joule.storage.postgres.rows.editing import Flags, Removal
    from joule.storage.postgres.rows.stream_states import StreamState


class OlderRows:
    """Late rows, removal, closed gaps, groups made anew: see ``SampleStore``."""

    def __init__(self, server: Server, changes: Changes) -> None:
        self._server = server
        self._changes = changes

    async def insert(self, stream: StreamRef, rows: Rows, flags: Flags) -> None:
        """Merge rows, at least one."""

        async def work(connection: Connection, tip: Tip) -> tuple[None, Tip]:
            return None, await editing.insert(connection, stream, tip, rows, flags)

        try:
            async with self._changes.editing(stream) as state:
                await self._changes.edit(state, work, needs_tables=True)
        except DuplicateTimestampError as error:
            raise await self._duplicate(stream, rows) from error

    async def _duplicate(self, stream: StreamRef, rows: Rows) -> DuplicateTimestampError:
        """Say which of some rows is the first that is there already."""
        (known,) = await self._changes.known([stream])
        first = await self._server.read(lambda c: editing.first_duplicate(c, known, rows))
        return DuplicateTimestampError(f"a row with timestamp {first} already exists")

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        """Remove the rows of ``[start, end)`` and give their number."""
        async with self._changes.editing(stream) as state:
            return await self._remove(state, interval)

    async def retain(self, stream: StreamRef, before: int) -> int:
        """Remove the rows earlier than a time and give their number."""

        async def work(connection: Connection, tip: Tip) -> tuple[int, Tip]:
            return await retention.drop_chunks(connection, stream, tip, before)

        async with self._changes.editing(stream) as state:
            first = await self._first(stream)
            if first is None or first >= before:
                return 0
            removed = await self._changes.edit(state, work) if self._server.has_timescale else 0
            return removed + await self._remove(state, Interval(MIN_TIME, before))

    async def _remove(self, state: StreamState, interval: Interval) -> int:
        removed, rest = 0, interval

        async def work(connection: Connection, tip: Tip) -> tuple[Removal, Tip]:
            return await editing.remove(connection, state.stream, tip, rest)

        while rest.start < rest.end and await self._first(state.stream) is not None:
            removal = await self._changes.edit(state, work)
            removed += removal.rows
            if removal.position is None:
                break
            rest = rest._replace(start=removal.position)
        return removed

    async def consolidate(self, stream: StreamRef, interval: Interval, max_gap_us: int) -> int:
        """Remove the breaks inside the range with a gap of at most ``max_gap_us``; their number."""
        closed, position = 0, interval.start

        async def work(connection: Connection, tip: Tip) -> tuple[tuple[int, int | None], Tip]:
            done = await editing.consolidate(connection, stream, interval, max_gap_us, position)
            return done, Tip(tip.total)

        async with self._changes.editing(stream) as state:
            while await self._first(stream) is not None:
                number, following = await self._changes.edit(state, work)
                closed += number
                if following is None:
                    break
                position = following
        return closed

    async def decimate(self, stream: StreamRef) -> None:
        """Drop all groups and make them anew; those of rows that come meanwhile in their turn."""
        progress = Progress()

        async def work(connection: Connection, tip: Tip) -> tuple[Progress, Tip]:
            done = await decimating.step(connection, stream, progress)
            state.is_decimating = done.position is not None
            return done, Tip(tip.total, None if state.is_decimating else done.growth)

        async with self._changes.editing(stream) as state:
            if await self._first(stream) is None:
                return
            try:
                state.is_decimating = True
                await self._changes.edit(state, partial(_drop_groups, stream))
                while progress.position is not None:
                    progress = await self._changes.edit(state, work)
            finally:
                state.is_decimating = False

    async def drop_groups(self, stream: StreamRef) -> None:
        """Drop all groups."""
        async with self._changes.editing(stream) as state:
            if await self._first(stream) is not None:
                await self._changes.edit(state, partial(_drop_groups, stream))

    async def _first(self, stream: StreamRef) -> int | None:
        """Timestamp of the first row, None when there is none."""
        (known,) = await self._changes.known([stream])
        return known.first


async def _drop_groups(stream: StreamRef, connection: Connection, tip: Tip) -> tuple[None, Tip]:
    await level_writing.drop_groups(connection, stream)
    return None, Tip(tip.total)
