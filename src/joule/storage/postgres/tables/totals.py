"""How many rows each stream has, from when to when: ``joule.total``, written with the rows.

Joule 1.0 does not know the table. So what is there is believed only where its first and last row
are still those of the stream; otherwise the rows are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from joule.storage.postgres.connection.copy_format import time_literal
from joule.storage.postgres.tables import sample_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS joule.total (
    stream_id int PRIMARY KEY, rows bigint NOT NULL, first_time timestamp, last_time timestamp
);
"""

STREAMS_PER_QUERY: Final = 100


@dataclass(frozen=True, slots=True)
class Total:
    """Stored rows of a stream; ``rows`` is None as long as nobody has counted them."""

    rows: int | None = 0
    first: int | None = None
    last: int | None = None


async def load(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> dict[int, Total]:
    """Give the totals of streams, those without tables included."""
    existing = await sample_tables.existing(connection, stream_ids)
    there = [i for i in stream_ids if existing.get(sample_tables.base(i)) == i]
    kept = await _kept(connection, there)
    found = dict.fromkeys(stream_ids, Total())
    for start in range(0, len(there), STREAMS_PER_QUERY):
        asked = there[start : start + STREAMS_PER_QUERY]
        for stream_id, first, last in await connection.fetch(_bounds(asked)):
            total = kept.get(stream_id)
            if first is not None and (total is None or (total.first, total.last) != (first, last)):
                total = Total(None, first, last)
            found[stream_id] = Total() if first is None or total is None else total
    return found


def saving(totals: Mapping[int, Total]) -> str:
    """Give the statement that keeps the totals of streams, at least one."""
    rows = ", ".join(
        f"({stream_id}, {total.rows}, {_literal(total.first)}, {_literal(total.last)})"
        for stream_id, total in totals.items()
    )
    return f"INSERT INTO joule.total VALUES {rows} {_OVER}"


def last_query(stream_id: int) -> str:
    """Give the SQL for the time of the last row of a stream, as it was kept."""
    return f"SELECT last_time FROM joule.total WHERE stream_id = {stream_id}"


async def forget(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> None:
    """Keep no totals of these streams."""
    await connection.execute("DELETE FROM joule.total WHERE stream_id = ANY($1)", stream_ids)


async def _kept(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> dict[int, Total]:
    query = "SELECT * FROM joule.total WHERE stream_id = ANY($1)"
    return {key: Total(*total) for key, *total in await connection.fetch(query, stream_ids)}


def _bounds(stream_ids: Sequence[int]) -> str:
    return " UNION ALL ".join(
        f"SELECT {stream_id}, (SELECT time FROM {table} ORDER BY time LIMIT 1),"
        f" (SELECT time FROM {table} ORDER BY time DESC LIMIT 1)"
        for stream_id in stream_ids
        for table in [sample_tables.qualified(sample_tables.base(stream_id))]
    )


def _literal(time: int | None) -> str:
    return "NULL" if time is None else time_literal(time)


_OVER: Final = """
ON CONFLICT (stream_id) DO UPDATE SET
rows = excluded.rows, first_time = excluded.first_time, last_time = excluded.last_time
"""
