"""What is done with TimescaleDB where it is there: hypertables, their chunks, compression.

All SQL that knows the extension is in this file; without it nothing here is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncpg import Connection

CHUNK_MEMORY_SHARE: Final = 0.05
TABLES_AT_ONCE: Final = 20
CHUNK_US_MAX: Final = 365 * 86_400 * 1_000_000

_MAKE: Final = "SELECT create_hypertable($1::text::regclass, $2::name, if_not_exists => true)"
_MAKE_WITH_CHUNK: Final = """
SELECT create_hypertable(
    $1::text::regclass, $2::name, chunk_time_interval => $3::bigint, if_not_exists => true
)
"""
_SET_CHUNK: Final = "SELECT set_chunk_time_interval($1::text::regclass, $2::bigint)"
_DROP_CHUNKS: Final = (
    "SELECT count(*) FROM drop_chunks($1::text::regclass, older_than => $2::timestamp)"
)
_IS_HYPERTABLE: Final = """
SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
               WHERE hypertable_schema = split_part($1, '.', 1)
               AND hypertable_name = split_part($1, '.', 2))
"""
_CHUNK: Final = """
SELECT (extract(epoch FROM time_interval) * 1000000)::bigint
FROM timescaledb_information.dimensions
WHERE hypertable_schema = split_part($1, '.', 1) AND hypertable_name = split_part($1, '.', 2)
"""
_UNCOMPRESSED: Final = """
SELECT format('%I.%I', hypertable_schema, hypertable_name)
FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'data' AND hypertable_name LIKE 'stream%' AND NOT compression_enabled
LIMIT $1
"""
_COMPRESS_AFTER: Final = """
SELECT add_compression_policy(
    $1::text::regclass, compress_after => $2::bigint * INTERVAL '1 microsecond',
    if_not_exists => true
)
"""

TOTAL_BYTES: Final = "coalesce(hypertable_size({table}), pg_total_relation_size({table}))"
"""The SQL for the bytes of a table with its indexes; ``pg_total_relation_size`` sees no chunks."""


async def make_hypertable(
    connection: Connection, table: str, column: str = "time", chunk_us: int | None = None
) -> None:
    """Make an empty table a hypertable, with chunks as long as TimescaleDB makes them by itself.

    ``table`` is its name with the schema.
    """
    if chunk_us is None:
        await connection.execute(_MAKE, table, column)
    else:
        await connection.execute(_MAKE_WITH_CHUNK, table, column, chunk_us)


async def chunk_us(connection: Connection, table: str) -> int | None:
    """Give how long the chunks are that a hypertable gets now; None for a plain table."""
    found: int | None = await connection.fetchval(_CHUNK, table)
    return found


async def set_chunk(connection: Connection, table: str, chunk_us: int) -> None:
    """Set how long the chunks are that a hypertable gets from now on."""
    await connection.execute(_SET_CHUNK, table, chunk_us)


async def is_hypertable(connection: Connection, table: str) -> bool:
    """Tell whether a table is one; plain ones come from a time without TimescaleDB."""
    return bool(await connection.fetchval(_IS_HYPERTABLE, table))


async def drop_chunks(connection: Connection, table: str, before: int) -> int:
    """Drop the chunks of a hypertable that end before a time, and give their number."""
    return int(await connection.fetchval(_DROP_CHUNKS, table, before))


async def compress(connection: Connection, age_us: int) -> None:
    """Have TimescaleDB compress the rows of some more streams when they are this old.

    Rows can still be added to compressed chunks, and deleted, which is slow.
    """
    for (table,) in await connection.fetch(_UNCOMPRESSED, TABLES_AT_ONCE):
        await connection.execute(
            f"ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_orderby = 'time')"
        )
        await connection.execute(_COMPRESS_AFTER, table, age_us)


def chunk_length_us(row_bytes: int, spacing_us: float, level: int, memory_bytes: int) -> int:
    """Give the length of a chunk as Joule 1.0 chooses it.

    Rows of ``row_bytes`` that come ``spacing_us`` apart fill a share of the memory in a chunk of
    the raw rows (``level`` 1) and of level 4; those of higher levels are longer, up to a year.
    """
    rows = memory_bytes * CHUNK_MEMORY_SHARE / row_bytes
    longer = max(1, level // 4)
    return max(1, int(min(rows * spacing_us * longer, CHUNK_US_MAX)))
