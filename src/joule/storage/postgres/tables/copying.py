"""Rows into the tables of data streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from joule.storage.postgres.connection.telling import TableRows, tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from joule.models.layout import Rows

    RowsOfTable: TypeAlias = tuple[str, Rows]

DATA_SCHEMA: Final = "data"


async def add(connection: asyncpg.Connection, tables: Iterable[RowsOfTable]) -> None:
    """Add rows to tables of the schema ``data``, all in one message."""
    filled = [TableRows(f"{DATA_SCHEMA}.{table}", rows) for table, rows in tables if len(rows)]
    if filled:
        await tell(connection, filled)


async def copy_in(connection: asyncpg.Connection, table: str, rows: Rows) -> None:
    """Add rows to a table of the schema ``data``."""
    await add(connection, [(table, rows)])
