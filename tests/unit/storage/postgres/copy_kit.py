"""Rows out of a query by the driver itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from joule.storage.postgres.connection.copy_format import decode

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Layout, Rows


async def copied_out(connection: Connection, query: str, layout: Layout, table: str) -> Rows:
    """Give the rows of a query; ``table`` is for messages."""
    target = io.BytesIO()
    await connection.copy_from_query(query, output=target, format="binary")
    return decode(target.getvalue(), layout, table)
