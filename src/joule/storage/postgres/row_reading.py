"""Stored rows of a range, page by page in the order of time.

Each page is a transaction of its own that ends before the page is given out, so a slow caller
holds nothing. A page costs a scan of the index over its rows.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg
import numpy as np

from joule.models.intervals import Interval
from joule.storage.postgres import interval_table, sample_tables
from joule.storage.postgres.ahead import Page, stretches
from joule.storage.postgres.copy_format import time_literal
from joule.storage.postgres.copying import copy_out
from joule.storage.stretch import NO_BREAKS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.interval_table import Times
    from joule.storage.postgres.server import Server
    from joule.storage.stretch import Stretch

PAGE_BYTES: Final = 1 << 20
BOUNDARIES_MAX: Final = 10_000
NO_TIMES: Final = np.empty(0, dtype=np.int64)

BY_INDEX: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
"""A table that was never analysed must not be read and sorted as a whole for one page of it."""

_BEGIN: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"


@asynccontextmanager
async def snapshot(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """See one state of the database within the block; prefer the order of the index."""
    await connection.execute(_BEGIN)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")


class _Boundaries(NamedTuple):
    """What a read knows of the boundaries in ``[start, end)``."""

    times: Times = NO_TIMES
    interval: Interval = Interval(0, 0)
    edits: int = 0


class RowReader:
    """Reads the stored rows of ``[start, end)``.

    ``edits`` gives a number that changes before and after each change of older rows, and is odd
    in between: what is known of the boundaries is asked anew then.
    """

    def __init__(
        self, server: Server, stream: StreamRef, interval: Interval, edits: Callable[[], int]
    ) -> None:
        self._server = server
        self._stream = stream
        self._interval = interval
        self._edits = edits
        self._rows_max = max(PAGE_BYTES // stream.layout.row_bytes, 1)
        self._known = _Boundaries()

    def stretches(self) -> AsyncGenerator[Stretch, None]:
        """Give the rows; a break at index 0 lies between a stretch and the one before."""
        return stretches(self._fetch, self._interval)

    async def _fetch(self, interval: Interval) -> Page:
        return await self._server.read(lambda connection: self._read(connection, interval))

    async def _read(self, connection: asyncpg.Connection, interval: Interval) -> Page:
        edits = self._edits()
        try:
            async with snapshot(connection):
                rows = await self._rows(connection, interval)
                position = int(rows["timestamp"][-1]) + 1 if len(rows) == self._rows_max else None
                found = interval if position is None else interval._replace(end=position)
                breaks = interval_table.breaks_of(rows, await self._cuts(connection, found, edits))
                return Page(rows, breaks, position)
        except asyncpg.UndefinedTableError:  # a stream without data, or dropped meanwhile
            return Page(self._stream.layout.empty(), NO_BREAKS, None)

    async def _rows(self, connection: asyncpg.Connection, interval: Interval) -> Rows:
        table = sample_tables.qualified(sample_tables.base(self._stream.id))
        query = (
            f"SELECT * FROM {table} WHERE time >= {time_literal(interval.start)}"
            f" AND time < {time_literal(interval.end)} ORDER BY time LIMIT {self._rows_max}"
        )
        rows = await copy_out(connection, query, self._stream.layout, table)
        rows.flags.writeable = False
        return rows

    async def _cuts(
        self, connection: asyncpg.Connection, interval: Interval, edits_before: int
    ) -> Times:
        """Boundaries in ``[start, end)``; ``edits_before`` is of before the snapshot was taken."""
        known, edits = self._known, self._edits()
        is_known = known.interval.start <= interval.start and interval.end <= known.interval.end
        if edits % 2 or edits != known.edits or not is_known:
            times, end = await self._look(connection, interval)
            known = _Boundaries(times, interval._replace(end=end), edits_before)
            self._known = known
        start, end = np.searchsorted(known.times, interval)
        return known.times[start:end]

    async def _look(self, connection: asyncpg.Connection, interval: Interval) -> tuple[Times, int]:
        """Give the boundaries of a range and behind it, and up to where they are known."""
        before, stream_id = interval.start - 1, self._stream.id
        last = self._interval.end - 1
        times = await interval_table.times_between(
            connection, stream_id, before, last, limit=BOUNDARIES_MAX
        )
        end = self._interval.end if len(times) < BOUNDARIES_MAX else times[-1]
        if end < interval.end:
            end = interval.end
            times = await interval_table.times_between(connection, stream_id, before, end - 1)
        return np.array(times, dtype=np.int64), end
