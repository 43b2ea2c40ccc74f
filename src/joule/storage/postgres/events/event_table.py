"""The table of an event stream: made when it is first written to, as Joule 1.0 makes it.

The indexes on ids and on long events are our own: Joule 1.0 has no use for them and keeps them up
to date all the same. The table has no key. That an id is there once is ensured by writing one
batch after another, under a lock that ends with the transaction.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import asyncpg

from joule.errors import InvalidRequestError
from joule.storage.interfaces import EventInfo
from joule.storage.postgres.connection.connecting import IMPATIENTLY, LONG_S
from joule.storage.postgres.connection.errors import reason
from joule.storage.postgres.events.event_copy import COLUMNS
from joule.storage.postgres.events.event_query import LONG_HOURS, longer_than
from joule.storage.postgres.tables.roles import grant_table
from joule.storage.postgres.tables.timescale import TOTAL_BYTES, make_hypertable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Connection

    from joule.storage.postgres.events.event_copy import PackedEvents

_LOCKS: Final = 0x6A6F756C
"""What sets the locks of event streams apart from other advisory locks."""
_IDS_MAX: Final = 2**31
"""The column is a 32-bit integer."""

_MAKE: Final = """
CREATE TABLE {table} (
    id SERIAL, start_time TIMESTAMP NOT NULL, end_time TIMESTAMP NOT NULL, content JSONB
);
CREATE INDEX ON {table} (start_time, end_time);
"""
_ID_INDEX: Final = "CREATE INDEX IF NOT EXISTS {name}_by_id ON {table} (id)"
_LONG_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS {name}_over_{hours}h ON {table} (start_time, end_time) WHERE {long}"
)
_CHUNK_DURATION: Final = "SELECT chunk_duration_us FROM metadata.eventstream WHERE id = $1"
_TAKE_OUT: Final = "DELETE FROM {table} WHERE id = ANY ($1::int[]) RETURNING id"
_ADVANCE: Final = "SELECT setval('{table}_id_seq', nextval('{table}_id_seq') + $1 - 1)"
_LAST_ID: Final = """
SELECT greatest(
    0, (SELECT last_value FROM {table}_id_seq WHERE is_called), (SELECT max(id) FROM {table})
)
"""
_CLAIM: Final = """
SELECT setval('{table}_id_seq', $1) FROM {table}_id_seq
WHERE $1 > CASE WHEN is_called THEN last_value ELSE 0 END
"""
_REMOVE: Final = """
DELETE FROM {table} USING unnest($1::timestamp[], $2::int[]) AS gone (start_time, id)
WHERE {table}.start_time = gone.start_time AND {table}.id = gone.id
"""
_ENDED: Final = """
WITH gone AS (
    SELECT start_time, id FROM {table}
    WHERE start_time < $1 AND end_time < $1 ORDER BY start_time LIMIT $2
)
DELETE FROM {table} USING gone
WHERE {table}.start_time = gone.start_time AND {table}.id = gone.id
"""
_FIGURES: Final = """
SELECT count(*), min(start_time), max(end_time) FILTER (WHERE end_time < 'infinity') FROM {table}
"""


def table_of(stream_id: int) -> str:
    """Give the table of an event stream."""
    return f"data.event{int(stream_id)}"


async def exists(connection: Connection, stream_id: int) -> bool:
    """Tell whether the table of an event stream was made."""
    sql = "SELECT to_regclass($1) IS NOT NULL"
    return bool(await connection.fetchval(sql, table_of(stream_id)))


async def make(connection: Connection, stream_id: int, *, has_timescale: bool) -> None:
    """Make the table of an event stream and the indexes, those that are missing."""
    table = table_of(stream_id)
    is_new = not await exists(connection, stream_id)
    if is_new:
        await connection.execute(_MAKE.format(table=table))
        chunk = await connection.fetchval(_CHUNK_DURATION, stream_id) if has_timescale else None
        if chunk:
            await make_hypertable(connection, table, "start_time", chunk)
        await grant_table(connection, table)
    name = f"joule_event{stream_id}"
    await connection.execute(_ID_INDEX.format(name=name, table=table), timeout=LONG_S)
    for hours in LONG_HOURS:
        long = longer_than(hours)
        index = _LONG_INDEX.format(name=name, hours=hours, table=table, long=long)
        await connection.execute(index, timeout=LONG_S)
    if not is_new:
        # What Joule 1.0 imports keeps the ids of another node.
        await claim(connection, table, await last_id(connection, table))


async def lock(connection: Connection, stream_id: int) -> None:
    """Wait until nobody else writes to the stream; until the end of the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _LOCKS, stream_id)


async def take_out(connection: Connection, table: str, ids: set[int]) -> set[int]:
    """Remove the events with these ids and give those that were there."""
    possible = [id_ for id_ in ids if 0 <= id_ < _IDS_MAX]
    if not possible:
        return set()
    return {id_ for (id_,) in await connection.fetch(_TAKE_OUT.format(table=table), possible)}


async def number(
    connection: Connection, table: str, given: Sequence[int | None], present: set[int]
) -> list[int]:
    """Give every event an id: the present ones stay, the others get new ones.

    New ones go first to those that came without an id.
    """
    fresh = [i for i, id_ in enumerate(given) if id_ is None]
    fresh += [i for i, id_ in enumerate(given) if id_ is not None and id_ not in present]
    ids = [id_ or 0 for id_ in given]
    if fresh:
        last = await connection.fetchval(_ADVANCE.format(table=table), len(fresh))
        for i, id_ in zip(fresh, range(last - len(fresh) + 1, last + 1), strict=True):
            ids[i] = id_
    return ids


async def insert(connection: Connection, table: str, events: PackedEvents) -> None:
    """Store events; ``InvalidRequestError`` when the content of one cannot be stored."""
    schema, _, name = table.partition(".")
    try:
        await connection.copy_to_table(
            name,
            schema_name=schema,
            columns=COLUMNS,
            format="binary",
            source=events.pieces(),
            timeout=LONG_S,
        )
    except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
        line = re.search(r"COPY \w+, line (\d+)", error.context or "")
        event = f"the event at {events.start(int(line[1]) - 1)}" if line else "an event"
        raise InvalidRequestError(f"PostgreSQL cannot store {event}: {reason(error)}") from error


async def last_id(connection: Connection, table: str) -> int:
    """Give the largest id that was ever given to an event of the stream."""
    return int(await connection.fetchval(_LAST_ID.format(table=table)))


async def claim(connection: Connection, table: str, last: int) -> None:
    """Let no id up to ``last`` be given to a new event."""
    await connection.execute(_CLAIM.format(table=table), last)


async def remove(connection: Connection, table: str, keys: Sequence[tuple[int, int]]) -> int:
    """Remove events by start time and id and give their number."""
    starts, ids = [start for start, _ in keys], [id_ for _, id_ in keys]
    return _count(await connection.execute(_REMOVE.format(table=table), starts, ids))


async def remove_ended(connection: Connection, table: str, before: int, limit: int) -> int:
    """Remove some events that ended before a time and give their number."""
    return _count(await connection.execute(_ENDED.format(table=table), before, limit))


def _count(status: str) -> int:
    """Read how many rows a statement touched: ``DELETE 5``."""
    return int(status.rpartition(" ")[2])


async def size_bytes(connection: Connection, table: str, *, has_timescale: bool) -> int | None:
    """Give the bytes that a table takes with its indexes, None when there is none."""
    bytes_of = TOTAL_BYTES if has_timescale else "pg_total_relation_size({table})"
    sql = f"SELECT {bytes_of.format(table='to_regclass($1)')}"
    size: int | None = await connection.fetchval(sql, table)
    return size


async def figures(connection: Connection, table: str) -> EventInfo:
    """Count what is stored, without the bytes."""
    return EventInfo(*await connection.fetchrow(_FIGURES.format(table=table), timeout=LONG_S))


async def drop(connection: Connection, stream_ids: Sequence[int]) -> None:
    """Drop the tables of event streams, those there are."""
    await connection.execute(IMPATIENTLY)
    await connection.execute(f"DROP TABLE IF EXISTS {', '.join(map(table_of, stream_ids))}")
