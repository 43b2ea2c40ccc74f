"""Questions about the rows of a stream: answered from its total, its tables and pending rows.

A view of the pending rows ends what is looked up in tables: from its first row on they may hold
the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from joule.models.intervals import Interval
from joule.storage.interfaces import SampleInfo
from joule.storage.postgres.tables import interval_table, sample_tables
from joule.storage.postgres.tables.copying import DATA_SCHEMA
from joule.storage.postgres.tables.timescale import TOTAL_BYTES

if TYPE_CHECKING:
    import asyncpg

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.rows.pending import View
    from joule.storage.postgres.tables.totals import Total


class Known(NamedTuple):
    """What is in memory of a stream, as of one moment."""

    stream: StreamRef
    total: Total
    view: View

    def stored(self, interval: Interval) -> Interval | None:
        """Give the part of a range in which there may be rows in the table, None without one.

        It ends with the last row there is now, so that a read ends even if rows come as fast as
        it goes.
        """
        if self.total.first is None or self.total.last is None:
            return None
        part = self.view.stored_part(interval)
        return part.clip(Interval(self.total.first, self.total.last + 1))

    def rows_expected(self, interval: Interval) -> int:
        """Guess the number of rows in the table in a range, at least 1: they come evenly, say."""
        if self.total.first is None or self.total.last is None:
            return 1
        length = interval.end - interval.start
        return max(self.stored_rows * length // (self.total.last - self.total.first + 1), 1)

    def reaches(self, time: int) -> bool:
        """Whether there are rows in the table at or behind a time."""
        return self.total.last is not None and time <= self.total.last

    @property
    def first(self) -> int | None:
        """Timestamp of the first row, None when there is none."""
        return self.view.first if self.total.first is None else self.total.first

    @property
    def stored_rows(self) -> int:
        """Number of rows in the table."""
        assert self.total.rows is not None
        return self.total.rows


def info(known: Known, size_bytes: int) -> SampleInfo:
    """Give rows and bounds of a stream whose tables take so many bytes."""
    view, total = known.view, known.total
    last = total.last if view.last is None else view.last
    size = size_bytes + view.rows * known.stream.layout.row_bytes
    return SampleInfo(known.stored_rows + view.rows, known.first, last, size)


async def last_before(connection: asyncpg.Connection, known: Known, time: int) -> int | None:
    """Give the timestamp of the last row earlier than ``time``."""
    pending = known.view.last_before(time)
    if pending is not None or known.total.last is None:
        return pending
    if known.total.last < time:
        return known.total.last
    return await sample_tables.last_before(connection, known.stream.id, time)


async def intervals(
    connection: asyncpg.Connection, known: Known, interval: Interval
) -> list[Interval]:
    """Give the unbroken runs of rows inside ``[start, end)``."""
    stored = known.stored(interval)
    found = []
    if stored is not None:
        found = await interval_table.runs(connection, known.stream.id, stored)
    for piece in known.view.clip(interval).pieces:
        for run in piece.runs():
            if found and not run.starts_interval:
                found[-1] = Interval(found[-1].start, run.last + 1)
            else:
                found.append(Interval(run.first, run.last + 1))
    return found


def ends_in_gap(known: Known, end: int) -> bool:
    """Whether the times before ``end`` lie between the last row before and a pending interval.

    That it is in the gap between two stored ones the database tells.
    """
    if known.reaches(end):
        return False
    last, following = known.view.last_before(end), known.view.after(end)
    last = known.total.last if last is None else last
    is_apart = last is not None and last + 1 < end
    return is_apart and following is not None and following.starts_interval


async def sizes(
    connection: asyncpg.Connection, stream_ids: list[int], *, has_timescale: bool
) -> dict[int, int]:
    """Give the bytes that all tables of each of these streams take."""
    owners = await sample_tables.existing(connection, stream_ids)
    size_of = TOTAL_BYTES if has_timescale else "pg_total_relation_size({table})"
    query = f"""
        SELECT relname, {size_of.format(table="oid::regclass")} FROM pg_class
        WHERE relnamespace = '{DATA_SCHEMA}'::regnamespace AND relname = ANY($1::text[])
    """
    found = dict.fromkeys(stream_ids, 0)
    for table, size in await connection.fetch(query, list(owners)):
        found[owners[table]] += size
    return found
