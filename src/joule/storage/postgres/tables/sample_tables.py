"""The tables of a data stream: their names, how they are made, and the smallest questions.

They are those of Joule 1.0, which makes them when the first rows come: a stream without data has
none. ``docs/postgresql.md`` describes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.errors import DataError
from joule.models.decimation import FACTOR
from joule.storage.postgres.tables.copying import DATA_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from joule.models.layout import Layout

COLUMN_TYPES: Final = {
    "float32": "real",
    "float64": "double precision",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
}

LEVELS_MAX: Final = 20
"""Groups of a million million rows each are beyond every stream."""

COLUMNS_MAX: Final = 1600
ROW_BYTES_MAX: Final = 8136
"""A row of fixed-width columns lies within one page of PostgreSQL."""


def base(stream_id: int) -> str:
    """Name of the table of rows, without the schema."""
    return f"stream{stream_id}"


def level(stream_id: int, number: int) -> str:
    """Name of the table of a level, 1 for the rows, without the schema."""
    return base(stream_id) if number == 1 else f"{base(stream_id)}_{number}"


def boundaries(stream_id: int) -> str:
    """Name of the table of interval boundaries, without the schema."""
    return f"stream{stream_id}_intervals"


def qualified(table: str) -> str:
    """Name of a table with its schema."""
    return f"{DATA_SCHEMA}.{table}"


def check_layout(layout: Layout) -> None:
    """Raise ``DataError`` for rows that fit no table of PostgreSQL."""
    if layout.datatype not in COLUMN_TYPES:
        raise DataError(f"PostgreSQL has no column for {layout.datatype}")
    if layout.width >= COLUMNS_MAX or layout.row_bytes > ROW_BYTES_MAX:
        raise DataError(
            f"rows of {layout} do not fit a table of PostgreSQL: at most {COLUMNS_MAX - 1} "
            f"elements and {ROW_BYTES_MAX} bytes"
        )


async def exists(connection: asyncpg.Connection, table: str) -> bool:
    """Whether a table is there."""
    found: bool = await connection.fetchval(
        "SELECT to_regclass($1::text) IS NOT NULL", qualified(table)
    )
    return found


async def last_before(connection: asyncpg.Connection, stream_id: int, time: int) -> int | None:
    """Timestamp of the last stored row earlier than ``time``."""
    query = f"SELECT time FROM {qualified(base(stream_id))} WHERE time < $1"
    found: int | None = await connection.fetchval(f"{query} ORDER BY time DESC LIMIT 1", time)
    return found


async def first_from(connection: asyncpg.Connection, stream_id: int, time: int) -> int | None:
    """Timestamp of the first stored row at or after ``time``."""
    query = f"SELECT time FROM {qualified(base(stream_id))} WHERE time >= $1"
    found: int | None = await connection.fetchval(f"{query} ORDER BY time LIMIT 1", time)
    return found


async def existing(connection: asyncpg.Connection, stream_ids: Iterable[int]) -> dict[str, int]:
    """Give the tables of these streams that are there, levels included, and whose they are."""
    owners = {name: stream_id for stream_id in stream_ids for name in names(stream_id)}
    found = await connection.fetch(_EXISTING, list(owners))
    return {name: owners[name] for (name,) in found}


def names(stream_id: int) -> list[str]:
    """Give the names that tables of a stream can have."""
    levels = (level(stream_id, FACTOR**k) for k in range(1, LEVELS_MAX + 1))
    return [base(stream_id), boundaries(stream_id), *levels]


_EXISTING: Final = f"""
SELECT relname FROM pg_class
WHERE relnamespace = '{DATA_SCHEMA}'::regnamespace AND relname = ANY($1::text[])
"""
