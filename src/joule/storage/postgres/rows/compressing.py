"""How compressed copies of rows are made: little by little, when nothing waits for it.

A copy is made of rows that were read together with the version of their stream. When somebody else
changes rows in between, the version is another one and the copy is not valid; what the node itself
changes waits until the copy is made. With TimescaleDB there are none: it compresses by itself.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import asyncpg

from joule.errors import DataError, StorageDamagedError, StorageError, StorageFormatError
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.copy_format import bytes_copied, time_literal
from joule.storage.postgres.connection.errors import HeldError
from joule.storage.postgres.rows import compressed_copies
from joule.storage.postgres.rows.row_reading import AS_ONE, BY_INDEX
from joule.storage.postgres.tables import compressed_table, sample_tables, totals

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.changes import Changes
    from joule.storage.postgres.rows.stream_states import StreamState
    from joule.storage.postgres.tables.compressed_table import Hole, Left

BUSY_S: Final = 1.0
"""So long it takes the time of others in one go, which comes every ten seconds."""

PAUSE_S: Final = 60.0
"""So long it waits before it looks again for what there is to do."""

COPIES_PER_STEP: Final = 4

_AT_LEISURE: Final = f"SET LOCAL synchronous_commit = off; {BY_INDEX}"
"""What a crash takes away is made again."""

_QUICKLY: Final = "SET LOCAL lock_timeout = '200ms'"
"""Who waits for a trigger to be made waits with all who want to write after it."""

_VERSION: Final = struct.Struct("!q")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Work:
    """What is left to do for a stream; ``holes`` is None before somebody looked.

    ``tenure`` is that of the look: other nodes may have made copies since another one.
    """

    state: StreamState
    holes: deque[Hole] | None = None
    tenure: int = 0


class Compressing:
    """Makes compressed copies of the rows of all streams."""

    def __init__(self, server: Server, changes: Changes) -> None:
        self._server = server
        self._changes = changes
        self._works: deque[_Work] = deque()
        self._looks_again_s = 0.0
        self._refused: set[int] = set()
        self._turn = asyncio.Lock()

    async def go_on(self, busy_s: float = BUSY_S) -> bool:
        """Make copies for so long, for one stream after the other; whether some are left.

        A stream of which there cannot be any is left alone from then on; of the first one there is
        a warning. Raises ``StorageError`` for what is not the fault of one stream.
        """
        if self._server.has_timescale:
            return False
        async with self._turn:
            end_s = time.monotonic() + busy_s
            await self._look()
            while self._works and time.monotonic() < end_s:
                work = self._works.popleft()
                if await self._advance(work):
                    self._works.append(work)
            return bool(self._works)

    async def finish(self) -> None:
        """Make all copies that can be made, however long that takes."""
        while await self.go_on():  # what was found some time ago
            pass
        self._looks_again_s = 0.0
        while await self.go_on():
            pass

    async def _look(self) -> None:
        """Find the streams that have rows for a copy."""
        if self._works or time.monotonic() < self._looks_again_s:
            return
        self._looks_again_s = time.monotonic() + PAUSE_S
        for left in await self._server.read(compressed_table.left):
            stream = self._ref(left)
            if stream is None or left.stream_id in self._refused:
                continue
            if left.rows >= compressed_copies.rows_per_copy(stream.layout.row_bytes):
                self._works.append(_Work(self._changes.states.of(stream)))

    def _ref(self, left: Left) -> StreamRef | None:
        """Give the stream, None for what is left of one that is gone."""
        known = self._changes.states.get(left.stream_id)
        if known is not None:
            return known.stream
        if left.datatype is None or left.width is None:
            return None
        return StreamRef(
            left.stream_id, Layout(left.datatype.lower(), left.width), bool(left.decimate)
        )

    async def _advance(self, work: _Work) -> bool:
        """Take one step for a stream; whether there are more."""
        state, stream = work.state, work.state.stream
        if state.is_gone:
            return False
        try:
            async with self._changes.editing(stream):
                return not state.is_gone and await self._step(work)
        except HeldError as error:
            _log.info("rows of stream %d are compressed later: %s", stream.id, error)
        except (StorageError, DataError) as error:
            if state.is_gone or isinstance(error.__cause__, asyncpg.UndefinedTableError):
                return False  # it was removed meanwhile
            if not _is_refusal(error):
                raise
            # A database of another owner may have thousands of them.
            level = logging.INFO if self._refused else logging.WARNING
            _log.log(level, "rows of stream %d are not compressed: %s", stream.id, error)
            self._refused.add(stream.id)
        return False

    async def _step(self, work: _Work) -> bool:
        stream = work.state.stream
        if work.holes is None or work.tenure != self._server.tenure:
            work.holes = None
            if await self._server.write(partial(_prepare, stream), opening=_AT_LEISURE):
                return True
            work.tenure = self._server.tenure
            work.holes = deque(
                await self._server.read(lambda c: compressed_table.holes(c, stream.id))
            )
        if work.holes:
            rest = await self._fill(work, work.holes.popleft())
            if rest is not None:
                work.holes.appendleft(rest)
        return bool(work.holes)

    async def _fill(self, work: _Work, hole: Hole) -> Hole | None:
        """Make the first copies in a hole; what is left of it, None when nothing is."""
        stream = work.state.stream
        (known,) = await self._changes.known([stream])
        if known.total.last is None:  # others have emptied the table: its total does not say so yet
            return None
        version, rows = await self._server.read(partial(_rows, stream, hole))
        if version is None:
            return None
        size = compressed_copies.rows_per_copy(stream.layout.row_bytes)
        is_all = len(rows) < COPIES_PER_STEP * size
        if hole.end is None:  # more rows will come: the last copy shall be full
            rows = rows[: len(rows) - len(rows) % size]
        copies = await asyncio.to_thread(compressed_copies.encode, rows, hole.start)
        rest = hole if not copies else hole._replace(start=copies[-1].interval.end)

        async def store(connection: asyncpg.Connection) -> None:
            if work.tenure != self._server.tenure:  # others had the database since the look
                return
            await compressed_table.add(connection, stream.id, version, copies)
            if is_all and rest.end is not None:
                await compressed_table.extend(connection, stream.id, version, rest)

        await self._server.write(store, opening=_AT_LEISURE)
        return None if is_all else rest


async def _prepare(stream: StreamRef, connection: asyncpg.Connection) -> bool:
    """See to what copies need and look at those that others made doubtful; whether more are."""
    await connection.execute(_QUICKLY)
    await compressed_table.watch(connection, stream.id)
    return await compressed_table.review(connection, stream.id)


def _is_refusal(error: StorageError | DataError) -> bool:
    """Whether an error is about the table of a stream, and would be the same the next time."""
    is_of_table = isinstance(error.__cause__, asyncpg.SyntaxOrAccessError)
    return is_of_table or isinstance(error, StorageDamagedError | StorageFormatError | DataError)


async def _rows(
    stream: StreamRef, hole: Hole, connection: asyncpg.Connection
) -> tuple[int | None, Rows]:
    """Read the first rows of a hole, and the version they have; None when there is none.

    What others put behind the last row that the node knows is left: it goes on before that.
    """
    count = COPIES_PER_STEP * compressed_copies.rows_per_copy(stream.layout.row_bytes)
    table = sample_tables.qualified(sample_tables.base(stream.id))
    end = totals.last_query(stream.id) if hole.end is None else time_literal(hole.end - 1)
    query = (
        f"SELECT * FROM {table} WHERE time >= {time_literal(hole.start)} AND time <= ({end})"
        f" ORDER BY time LIMIT {count}"
    )
    statements = [AS_ONE, copy_of(compressed_table.version_query(stream.id)), copy_of(query)]
    version, rows = await ask(connection, statements, count * bytes_copied(stream.layout))
    found = version.records() if version.has_rows else []
    number = _VERSION.unpack(found[0][0])[0] if found else None
    return number, rows.rows(stream.layout, table)
