"""Old rows let go, where TimescaleDB is: whole chunks at once, which costs next to nothing.

What is left of them, and all of them without the extension, is deleted in steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.intervals import ALL_TIME, MIN_TIME, Interval
from joule.storage.postgres.connection.connecting import IMPATIENTLY
from joule.storage.postgres.levels.covering import count_rows
from joule.storage.postgres.levels.level_writing import remove_groups
from joule.storage.postgres.rows.row_writing import Tip
from joule.storage.postgres.tables import interval_table, sample_tables, timescale
from joule.storage.postgres.tables.totals import Total

if TYPE_CHECKING:
    import asyncpg

    from joule.storage.interfaces import StreamRef


async def drop_chunks(
    connection: asyncpg.Connection, stream: StreamRef, tip: Tip, before: int
) -> tuple[int, Tip]:
    """Drop the chunks of all tables of a stream that end before a time; the number of rows."""
    await connection.execute(IMPATIENTLY)
    for name in await sample_tables.existing(connection, [stream.id]):
        table = sample_tables.qualified(name)
        if await timescale.is_hypertable(connection, table):
            await timescale.drop_chunks(connection, table, before)
    total = tip.total
    assert total.rows is not None
    first = await sample_tables.first_from(connection, stream.id, MIN_TIME)
    if first == total.first:
        return 0, tip
    await interval_table.clear(connection, stream.id, None, first)
    if first is None:
        return total.rows, Tip(Total())
    await remove_groups(connection, stream, Interval(MIN_TIME, first))
    rows = await count_rows(connection, stream, ALL_TIME)
    return total.rows - rows, Tip(Total(rows, first, total.last))
