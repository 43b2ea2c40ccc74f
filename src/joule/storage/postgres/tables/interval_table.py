"""Where intervals end: the boundaries of a stream, as Joule 1.0 keeps them.

A break lies between two neighbouring rows ``a < b`` when there is a boundary ``t`` with
``a < t <= b``; it is written as ``a`` + 1. A boundary without rows on both sides means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from joule.models.intervals import Interval
from joule.storage.postgres.connection.copy_format import time_literal
from joule.storage.postgres.connection.times import bound
from joule.storage.postgres.tables import sample_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from joule.models.layout import Rows
    from joule.storage.stretch import Indices

    Times = np.ndarray[Any, np.dtype[np.int64]]


class Boundary(NamedTuple):
    """A boundary and the rows on both sides of it, of which one may be missing."""

    time: int
    before: int | None
    after: int | None


async def times_between(
    connection: asyncpg.Connection,
    stream_id: int,
    before: int,
    after: int,
    *,
    limit: int | None = None,
) -> list[int]:
    """Boundaries ``t`` with ``before < t <= after``, in order; at most ``limit`` if given."""
    table = sample_tables.qualified(sample_tables.boundaries(stream_id))
    query = f"SELECT time FROM {table} WHERE time > $1 AND time <= $2 ORDER BY time LIMIT $3"
    return [time for (time,) in await connection.fetch(query, bound(before), after, limit)]


def breaks_of(rows: Rows, times: Times | Sequence[int]) -> Indices:
    """Indices of the rows that have a break before them, for boundaries up to the last row."""
    found = np.searchsorted(rows["timestamp"], np.asarray(times, dtype=np.int64))
    return np.unique(found).astype(np.intp)


async def with_neighbours(
    connection: asyncpg.Connection,
    stream_id: int,
    before: int,
    after: int,
    *,
    limit: int | None = None,
) -> list[Boundary]:
    """Boundaries ``t`` with ``before < t <= after`` and the rows around each; ``limit`` at most."""
    rows, cuts = _tables(stream_id)
    query = f"""
        SELECT time,
            (SELECT time FROM {rows} r WHERE r.time < cut.time ORDER BY time DESC LIMIT 1),
            (SELECT time FROM {rows} r WHERE r.time >= cut.time ORDER BY time LIMIT 1)
        FROM (SELECT DISTINCT time FROM {cuts} WHERE time > $1 AND time <= $2
            ORDER BY time LIMIT $3) cut ORDER BY cut.time
    """
    return [Boundary(*row) for row in await connection.fetch(query, bound(before), after, limit)]


async def runs(
    connection: asyncpg.Connection, stream_id: int, interval: Interval
) -> list[Interval]:
    """Unbroken runs of stored rows inside ``[start, end)``: first row to last row + 1."""
    rows, cuts = _tables(stream_id)
    query = f"""
        WITH cut AS (
            SELECT $1::timestamp AS time
            UNION SELECT time FROM {cuts} WHERE time > $1 AND time < $2
        ), piece AS (
            SELECT time AS start, COALESCE(lead(time) OVER (ORDER BY time), $2) AS stop FROM cut
        )
        SELECT head.time, tail.time FROM piece,
        LATERAL (SELECT time FROM {rows} WHERE time >= piece.start AND time < piece.stop
            ORDER BY time LIMIT 1) head,
        LATERAL (SELECT time FROM {rows} WHERE time >= piece.start AND time < piece.stop
            ORDER BY time DESC LIMIT 1) tail
        ORDER BY head.time
    """
    found = await connection.fetch(query, bound(interval.start), interval.end)
    return [Interval(first, last + 1) for first, last in found]


def gap_query(stream_id: int, end: int) -> str:
    """Give the SQL for a row if the times before ``end`` lie in the gap between two intervals."""
    rows, cuts = _tables(stream_id)
    return f"""
        SELECT behind.time FROM
            (SELECT time FROM {rows} WHERE time < {time_literal(end)}
                ORDER BY time DESC LIMIT 1) before,
            (SELECT time FROM {rows} WHERE time >= {time_literal(end)}
                ORDER BY time LIMIT 1) behind
        WHERE before.time < {time_literal(end - 1)} AND EXISTS (
            SELECT FROM {cuts} cut WHERE cut.time > before.time AND cut.time <= behind.time)
    """


async def add(connection: asyncpg.Connection, stream_id: int, times: Sequence[int]) -> None:
    """Write boundaries."""
    if times:
        table = sample_tables.qualified(sample_tables.boundaries(stream_id))
        await connection.execute(f"INSERT INTO {table} SELECT unnest($1::timestamp[])", times)


async def remove(connection: asyncpg.Connection, stream_id: int, times: Sequence[int]) -> None:
    """Remove these boundaries."""
    if times:
        table = sample_tables.qualified(sample_tables.boundaries(stream_id))
        await connection.execute(f"DELETE FROM {table} WHERE time = ANY($1::timestamp[])", times)


async def clear(
    connection: asyncpg.Connection, stream_id: int, before: int | None, after: int | None
) -> None:
    """Remove the boundaries ``t`` with ``before < t <= after``; None is without limit."""
    table = sample_tables.qualified(sample_tables.boundaries(stream_id))
    await connection.execute(
        f"DELETE FROM {table} WHERE ($1::timestamp IS NULL OR time > $1)"
        " AND ($2::timestamp IS NULL OR time <= $2)",
        before,
        after,
    )


def _tables(stream_id: int) -> tuple[str, str]:
    rows = sample_tables.qualified(sample_tables.base(stream_id))
    return rows, sample_tables.qualified(sample_tables.boundaries(stream_id))
