"""Stored rows of a range, page by page in the order of time.

Each page is one question, a transaction of its own with all there is to know of it, and its answer
is whole before the page is given out: a slow caller holds nothing. A page costs a scan of the
index over its rows.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np

from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.copy_format import bytes_copied, time_literal
from joule.storage.postgres.rows.ahead import Pace, Page, stretches
from joule.storage.postgres.tables import interval_table, sample_tables
from joule.storage.stretch import NO_BREAKS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.queries import Known
    from joule.storage.postgres.tables.interval_table import Times
    from joule.storage.stretch import Stretch

PAGE_BYTES: Final = 1 << 20
BOUNDARIES_MAX: Final = 5000
"""A page ends where there are more."""

PARTS: Final = 2
PART_ROWS: Final = 1500
"""What fits a page is fetched in parts side by side, but not in smaller ones: the server takes most
of the time, and uses one core for a session."""

BY_INDEX: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
"""A table that was never analysed must not be read and sorted as a whole for one page of it."""

_BEGIN: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"
_AS_ONE: Final = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"


@asynccontextmanager
async def snapshot(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """See one state of the database within the block, and prefer the order of the index.

    It begins with the statement that is given, to be sent with the first others.
    """
    try:
        yield _BEGIN
    finally:
        if not connection.is_closed():
            await _roll_back(connection)


async def _roll_back(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except BaseException:
        connection.terminate()  # the driver does not know of the transaction
        raise


class RowReader:
    """Reads the stored rows of ``[start, end)``; ``known`` is of when the read began."""

    def __init__(self, server: Server, known: Known, interval: Interval) -> None:
        self._server = server
        self._known = known
        self._stream = known.stream
        self._interval = interval
        self._table = sample_tables.qualified(sample_tables.base(known.stream.id))
        self._rows_max = max(PAGE_BYTES // known.stream.layout.row_bytes, 1)

    def stretches(self) -> AsyncGenerator[Stretch, None]:
        """Give the rows; a break at index 0 lies between a stretch and the one before.

        One of no rows comes last when the range ends in the gap between two intervals.
        """
        return stretches(self._fetch, self._interval, Pace(self._first_length(), self._rows_max))

    def _first_length(self) -> int:
        """Guess the length of time to ask for at once."""
        length = self._interval.end - self._interval.start
        rows = self._known.rows_expected(self._interval)
        wanted = min(max(-(-rows // PARTS), PART_ROWS), max(self._rows_max * 7 // 8, 1))
        return -(-length * wanted // rows) if wanted < rows else length

    async def _fetch(self, interval: Interval) -> Page:
        return await self._server.read(lambda connection: self._read(connection, interval))

    async def _read(self, connection: asyncpg.Connection, interval: Interval) -> Page:
        queries = [self._rows_query(interval), self._cuts_query(interval)]
        if interval.end == self._interval.end and self._known.reaches(interval.end):
            queries.append(interval_table.gap_query(self._stream.id, interval.end))
        size = self._rows_max * bytes_copied(self._stream.layout)
        try:
            found = await ask(connection, [_AS_ONE, *map(copy_of, queries)], size)
        except asyncpg.UndefinedTableError:  # a stream without data, or dropped meanwhile
            return Page(self._stream.layout.empty(), NO_BREAKS, None)
        rows = found[0].rows(self._stream.layout, self._table)
        page = self._page(interval, rows, found[1].times())
        return page._replace(ends_in_gap=any(copied.has_rows for copied in found[2:]))

    def _rows_query(self, interval: Interval) -> str:
        return (
            f"SELECT * FROM {self._table} WHERE time >= {time_literal(interval.start)}"
            f" AND time < {time_literal(interval.end)} ORDER BY time LIMIT {self._rows_max}"
        )

    def _cuts_query(self, interval: Interval) -> str:
        table = sample_tables.qualified(sample_tables.boundaries(self._stream.id))
        return (
            f"SELECT DISTINCT time FROM {table} WHERE time >= {time_literal(interval.start)}"
            f" AND time < {time_literal(interval.end)} ORDER BY time LIMIT {BOUNDARIES_MAX}"
        )

    def _page(self, interval: Interval, rows: Rows, cuts: Times) -> Page:
        position = int(rows["timestamp"][-1]) + 1 if len(rows) == self._rows_max else None
        end = interval.end if position is None else position
        if len(cuts) == BOUNDARIES_MAX and cuts[-1] < end:
            end = position = int(cuts[-1])
            rows = rows[: np.searchsorted(rows["timestamp"], end)]
        rows.flags.writeable = False
        return Page(rows, interval_table.breaks_of(rows, cuts[cuts < end]), position)
