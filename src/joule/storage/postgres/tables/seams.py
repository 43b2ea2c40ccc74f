"""Where groups start afresh: behind the boundaries of intervals, and behind seams.

A seam is a place inside an interval that no group spans. It is left where late rows came or
intervals were joined and too many rows follow to make their groups anew. Joule 1.0 does not know
seams: it never asks which rows a group holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.copy_format import time_literal
from joule.storage.postgres.connection.times import bound
from joule.storage.postgres.tables import sample_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from joule.models.intervals import Interval
    from joule.storage.postgres.connection.answers import Copied

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS joule.seam (
    stream_id int NOT NULL, time timestamp NOT NULL, PRIMARY KEY (stream_id, time)
);
"""


class Cut(NamedTuple):
    """Groups start afresh with the first row at or after ``time``; a break or else a seam."""

    time: int
    is_break: bool


def cuts_query(stream_id: int, interval: Interval, cuts_max: int) -> str:
    """Give the SQL for the first cuts with ``start < time <= end``, in order."""
    return f"""
        SELECT bool_or(is_break)::int::bigint, time FROM ({_cuts(stream_id)}) cut
        WHERE time > {time_literal(interval.start)} AND time <= {time_literal(interval.end)}
        GROUP BY time ORDER BY time LIMIT {cuts_max}
    """


def cuts_of(found: Copied) -> list[Cut]:
    """Give the cuts that were found."""
    return [Cut(time, bool(is_break)) for is_break, time in found.times(1).tolist()]


async def cuts(
    connection: asyncpg.Connection, stream_id: int, interval: Interval, cuts_max: int
) -> list[Cut]:
    """Give the first cuts with ``start < time <= end``, in order."""
    (found,) = await ask(connection, [copy_of(cuts_query(stream_id, interval, cuts_max))])
    return cuts_of(found)


async def all_times(connection: asyncpg.Connection, stream_id: int) -> list[int]:
    """Give the times of all cuts, in no order."""
    return [time for (time, _) in await connection.fetch(_cuts(stream_id))]


async def last_cut(connection: asyncpg.Connection, stream_id: int, time: int) -> int | None:
    """Give the time of the last cut at or before ``time``, None when there is none."""
    query = f"SELECT max(time) FROM ({_cuts(stream_id)}) cut WHERE time <= $1"
    found: int | None = await connection.fetchval(query, bound(time))
    return found


async def put(connection: asyncpg.Connection, stream_id: int, time: int) -> None:
    """Set a seam."""
    query = "INSERT INTO joule.seam VALUES ($1, $2) ON CONFLICT DO NOTHING"
    await connection.execute(query, stream_id, time)


async def remove(connection: asyncpg.Connection, stream_id: int, interval: Interval) -> None:
    """Remove the seams in ``[start, end)``."""
    query = "DELETE FROM joule.seam WHERE stream_id = $1 AND time >= $2 AND time < $3"
    await connection.execute(query, stream_id, bound(interval.start), bound(interval.end))


async def forget(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> None:
    """Remove all seams of some streams."""
    await connection.execute("DELETE FROM joule.seam WHERE stream_id = ANY($1)", stream_ids)


def _cuts(stream_id: int) -> str:
    boundaries = sample_tables.qualified(sample_tables.boundaries(stream_id))
    return (
        f"SELECT time, true AS is_break FROM {boundaries}"
        f" UNION ALL SELECT time, false FROM joule.seam WHERE stream_id = {stream_id}"
    )
