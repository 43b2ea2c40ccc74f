"""Stored rows of a range, page by page in the order of time.

Each page is one question, a transaction of its own with all there is to know of it, and its answer
is whole before the page is given out: a slow caller holds nothing. A page costs a scan of the
index over its rows; or it comes from compressed copies, where these are of all its rows.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np

from joule.errors import StorageDamagedError, StorageFormatError
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.copy_format import bytes_copied, time_literal
from joule.storage.postgres.connection.times import EPOCH_US
from joule.storage.postgres.rows import compressed_copies
from joule.storage.postgres.rows.ahead import Pace, Page, stretches
from joule.storage.postgres.tables import compressed_table, interval_table, sample_tables
from joule.storage.stretch import NO_BREAKS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.storage.postgres.connection.answers import Copied
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.queries import Known
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

_log = logging.getLogger(__name__)

_BEGIN: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"
AS_ONE: Final = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; {BY_INDEX}"


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
        self._row_bytes = known.stream.layout.row_bytes
        self._rows_max = max(PAGE_BYTES // self._row_bytes, 1)
        self._wholes: list[Interval] = []

    async def stretches(self) -> AsyncGenerator[Stretch, None]:
        """Give the rows; a break at index 0 lies between a stretch and the one before.

        One of no rows comes last when the range ends in the gap between two intervals.
        """
        self._wholes = await self._compressed()
        pace = Pace(self._first_length(), self._rows_max, self._wholes)
        async with aclosing(stretches(self._fetch, self._interval, pace)) as found:
            async for stretch in found:
                yield stretch

    async def _compressed(self) -> list[Interval]:
        """Give what to read from compressed copies, where that is worth a question."""
        rows = self._known.rows_expected(self._interval)
        if self._server.has_timescale or rows < compressed_copies.rows_worth(self._row_bytes):
            return []
        query = compressed_table.list_query(self._stream.id, self._interval)
        (found,) = await self._server.read(lambda c: ask(c, [AS_ONE, copy_of(query)]))
        bounds = found.times(1)
        bounds[:, 0] += EPOCH_US
        return compressed_copies.grouped(bounds, self._rows_max, self._row_bytes)

    def _first_length(self) -> int:
        """Guess the length of time to ask for at once."""
        length = self._interval.end - self._interval.start
        rows = self._known.rows_expected(self._interval)
        wanted = min(max(-(-rows // PARTS), PART_ROWS), max(self._rows_max * 7 // 8, 1))
        return -(-length * wanted // rows) if wanted < rows else length

    async def _fetch(self, interval: Interval) -> Page:
        if compressed_copies.are_in(self._wholes, interval.start):
            page = await self._fetch_compressed(interval)
            if page is not None:
                return page
        return await self._server.read(lambda connection: self._read_table(connection, interval))

    async def _fetch_compressed(self, interval: Interval) -> Page | None:
        """Read what copies there are of a range; None when they are not of all its rows."""
        query = compressed_table.data_query(self._stream.id, interval)
        found = await self._server.read(lambda c: self._ask(c, interval, query))
        if not found:
            return None
        copies, *others = found
        decode = partial(compressed_copies.decode, layout=self._stream.layout)
        try:
            rows = await asyncio.to_thread(decode, copies.records(), interval)
        except (StorageDamagedError, StorageFormatError) as error:
            _log.warning("a compressed copy of rows of %s is not used: %s", self._table, error)
            return None
        return None if rows is None else self._page(interval, rows, others, is_full=False)

    async def _read_table(self, connection: asyncpg.Connection, interval: Interval) -> Page:
        found = await self._ask(connection, interval, self._rows_query(interval))
        if not found:
            return Page(self._stream.layout.empty(), NO_BREAKS, None)
        copied, *others = found
        rows = copied.rows(self._stream.layout, self._table)
        return self._page(interval, rows, others, is_full=len(rows) == self._rows_max)

    async def _ask(
        self, connection: asyncpg.Connection, interval: Interval, query: str
    ) -> list[Copied]:
        """Give what a query gives, the cuts in the range, and what there is if it ends in a gap.

        Nothing where there are no tables: of a stream without data, or one dropped meanwhile.
        """
        queries = [query, self._cuts_query(interval)]
        if interval.end == self._interval.end and self._known.reaches(interval.end):
            queries.append(interval_table.gap_query(self._stream.id, interval.end))
        size = self._rows_max * bytes_copied(self._stream.layout)
        try:
            return await ask(connection, [AS_ONE, *map(copy_of, queries)], size)
        except asyncpg.UndefinedTableError:
            return []

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

    def _page(
        self, interval: Interval, rows: Rows, others: Sequence[Copied], *, is_full: bool
    ) -> Page:
        cuts = others[0].times()
        end = int(rows["timestamp"][-1]) + 1 if is_full else interval.end
        position = end if end < interval.end else None
        if len(cuts) == BOUNDARIES_MAX and cuts[-1] < end:
            end = position = int(cuts[-1])
            rows = rows[: np.searchsorted(rows["timestamp"], end)]
        rows.flags.writeable = False
        breaks = interval_table.breaks_of(rows, cuts[cuts < end])
        return Page(rows, breaks, position, any(copied.has_rows for copied in others[1:]))
