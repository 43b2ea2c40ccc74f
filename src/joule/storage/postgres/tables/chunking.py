"""Tables of rows and levels as hypertables, where TimescaleDB is: how long their chunks are.

As Joule 1.0 does it: a new table has chunks of TimescaleDB's own length; once a stream has some
rows, their size and distance say how long its chunks are to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psutil

from joule.models.decimation import FACTOR
from joule.storage.postgres.connection.server import has_timescale
from joule.storage.postgres.tables import sample_tables, timescale

if TYPE_CHECKING:
    import asyncpg

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.tables.totals import Total

ROWS_MEASURED: Final = 200
"""From so many rows on their distance is known."""


def is_due(rows_before: int, rows: int) -> bool:
    """Whether a stream has just got rows enough to choose the length of its chunks."""
    return rows_before < ROWS_MEASURED <= rows


async def make_hypertable(connection: asyncpg.Connection, stream_id: int, level: int) -> None:
    """Make a new table of a level, 1 for the rows, a hypertable if that can be."""
    if not await has_timescale(connection):
        return
    chunk_us = None
    if level > 1:
        base_us = await timescale.chunk_us(connection, _table(stream_id, 1))
        chunk_us = None if base_us is None else _scaled(base_us, level)
    await timescale.make_hypertable(connection, _table(stream_id, level), chunk_us=chunk_us)


async def set_lengths(connection: asyncpg.Connection, stream: StreamRef, total: Total) -> None:
    """Choose the length of the chunks of all tables of a stream from now on."""
    if not await has_timescale(connection):
        return
    assert total.rows is not None
    assert total.first is not None
    assert total.last is not None
    spacing_us = (total.last - total.first) / max(total.rows - 1, 1)
    base_us = timescale.chunk_length_us(
        stream.layout.row_bytes, spacing_us, 1, psutil.virtual_memory().total
    )
    existing = await sample_tables.existing(connection, [stream.id])
    for level in (FACTOR**k for k in range(sample_tables.LEVELS_MAX + 1)):
        table = _table(stream.id, level)
        is_there = table.partition(".")[2] in existing
        if is_there and await timescale.is_hypertable(connection, table):
            await timescale.set_chunk(connection, table, _scaled(base_us, level))


def _scaled(base_us: int, level: int) -> int:
    """Give the length for a level: groups come more rarely than rows."""
    return min(base_us * max(level // FACTOR, 1), timescale.CHUNK_US_MAX)


def _table(stream_id: int, level: int) -> str:
    return sample_tables.qualified(sample_tables.level(stream_id, level))
