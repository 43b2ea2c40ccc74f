"""Rows into tables and out of queries by binary COPY, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.postgres.copy_format import HEADER, TRAILER, decode, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from joule.models.layout import Layout, Rows

PIECE_BYTES: Final = 256 * 1024
"""So many bytes of rows are brought into the format at once: less than a millisecond's work."""

DATA_SCHEMA: Final = "data"


async def copy_in(connection: asyncpg.Connection, table: str, rows: Rows) -> None:
    """Add rows to a table of the schema ``data``."""
    if len(rows):
        # What is small goes out at once: each piece would be a packet of its own.
        source: memoryview | AsyncIterator[bytes] = (
            memoryview(HEADER + encode(rows) + TRAILER)
            if rows.nbytes <= PIECE_BYTES
            else _pieces(rows)
        )
        await connection.copy_to_table(
            table, schema_name=DATA_SCHEMA, source=source, format="binary"
        )


async def copy_out(connection: asyncpg.Connection, query: str, layout: Layout, table: str) -> Rows:
    """Give the rows of a query, in memory of their own; ``table`` is for messages.

    The caller sees to it that they are not too many: the query has a ``LIMIT``, say.
    """
    parts: list[bytes] = []

    async def take(part: bytes) -> None:
        parts.append(part)

    await connection.copy_from_query(query, output=take, format="binary")
    return decode(b"".join(parts), layout, table)


async def _pieces(rows: Rows) -> AsyncIterator[bytes]:
    yield HEADER
    step = max(PIECE_BYTES // rows.itemsize, 1)
    for start in range(0, len(rows), step):
        yield encode(rows[start : start + step])
    yield TRAILER
