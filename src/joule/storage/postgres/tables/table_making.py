"""How the tables of rows and boundaries are made, and how all tables of a stream go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.storage.postgres.connection.connecting import IMPATIENTLY
from joule.storage.postgres.tables import (
    boundary_index,
    chunking,
    compressed_table,
    sample_tables,
    seams,
    totals,
)
from joule.storage.postgres.tables.roles import grant_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from joule.storage.interfaces import StreamRef


async def make(connection: asyncpg.Connection, stream: StreamRef) -> None:
    """Make the tables of a stream unless they are there."""
    boundaries = sample_tables.qualified(sample_tables.boundaries(stream.id))
    await connection.execute(f"CREATE TABLE IF NOT EXISTS {boundaries} (time timestamp NOT NULL)")
    await boundary_index.make(connection, [stream.id])
    if await sample_tables.exists(connection, sample_tables.base(stream.id)):
        return
    table = sample_tables.qualified(sample_tables.base(stream.id))
    kind = sample_tables.COLUMN_TYPES[stream.layout.datatype]
    elements = "".join(f", elem{i} {kind} NOT NULL" for i in range(stream.layout.width))
    columns = f"time timestamp NOT NULL PRIMARY KEY{elements}"
    await connection.execute(f"CREATE TABLE {table} ({columns})")
    await chunking.make_hypertable(connection, stream.id, 1)
    await grant_table(connection, table)


async def drop(connection: asyncpg.Connection, stream_ids: Sequence[int]) -> None:
    """Remove all tables of streams, and what our own schema says of them."""
    tables = await sample_tables.existing(connection, stream_ids)
    if tables:
        await connection.execute(IMPATIENTLY)
        await connection.execute(f"DROP TABLE {', '.join(map(sample_tables.qualified, tables))}")
    await totals.forget(connection, stream_ids)
    await seams.forget(connection, stream_ids)
    await compressed_table.forget(connection, stream_ids)
