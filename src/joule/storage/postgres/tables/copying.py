"""Rows into tables by binary COPY, in bounded memory.

Few rows go in as text, those of several tables in one message: a COPY costs two round trips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.postgres.connection.copy_format import HEADER, TRAILER, encode
from joule.storage.postgres.tables.row_text import insertion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    import asyncpg

    from joule.models.layout import Rows

PIECE_BYTES: Final = 256 * 1024
"""So many bytes of rows are brought into the format at once: less than a millisecond's work."""

DATA_SCHEMA: Final = "data"

TEXT_VALUES_MAX: Final = 200
"""Rows with so many values are as quick as text."""

MESSAGE_BYTES: Final = 128 * 1024


async def add(connection: asyncpg.Connection, tables: Iterable[tuple[str, Rows]]) -> list[str]:
    """Add rows to tables of the schema ``data``, and give the statements that add the rest.

    These are for tables that get few rows: whoever has more of them executes all at once.
    """
    texts = []
    for table, rows in tables:
        if rows["data"].size <= TEXT_VALUES_MAX:
            texts.append(insertion(f"{DATA_SCHEMA}.{table}", rows))
        else:
            await copy_in(connection, table, rows)
    return texts


async def execute(connection: asyncpg.Connection, texts: Sequence[str]) -> None:
    """Execute statements, in messages of bounded size."""
    message: list[str] = []
    size = 0
    for text in texts:
        message.append(text)
        size += len(text)
        if size >= MESSAGE_BYTES:
            await connection.execute("; ".join(message))
            message, size = [], 0
    if message:
        await connection.execute("; ".join(message))


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


async def _pieces(rows: Rows) -> AsyncIterator[bytes]:
    yield HEADER
    step = max(PIECE_BYTES // rows.itemsize, 1)
    for start in range(0, len(rows), step):
        yield encode(rows[start : start + step])
    yield TRAILER
