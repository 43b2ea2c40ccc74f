"""Rows behind the last one of a stream, within a transaction: boundaries, rows and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.storage.postgres import chunking, interval_table, sample_tables
from joule.storage.postgres.copying import copy_in
from joule.storage.postgres.level_writing import append_groups
from joule.storage.postgres.totals import Total
from joule.storage.stretch import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.level_writing import Growth
    from joule.storage.stretch import Stretch

COPY_BYTES_MAX: Final = 8 << 20


class Tip(NamedTuple):
    """Where the rows of a stream end, and what the next ones continue."""

    total: Total
    growth: Growth | None = None


async def append(
    connection: asyncpg.Connection, stream: StreamRef, tip: Tip, pieces: Iterable[Stretch]
) -> Tip:
    """Add rows behind the last one to the tables, which are there; the new tip."""
    rows_max = max(COPY_BYTES_MAX // stream.layout.row_bytes, 1)
    for piece in pieces:
        for part in cut(piece, rows_max):
            tip = await _append(connection, stream, tip, part)
    return tip


async def _append(
    connection: asyncpg.Connection, stream: StreamRef, tip: Tip, part: Stretch
) -> Tip:
    total = tip.total
    assert total.rows is not None
    await interval_table.add(connection, stream.id, _boundaries(part, total.last))
    await copy_in(connection, sample_tables.base(stream.id), part.rows)
    growth = await append_groups(connection, stream, part, tip.growth)
    first = part.first if total.first is None else total.first
    longer = Total(total.rows + len(part), first, part.last)
    if chunking.is_due(total.rows, total.rows + len(part)):
        await chunking.set_lengths(connection, stream, longer)
    return Tip(longer, growth)


def _boundaries(part: Stretch, last: int | None) -> list[int]:
    """Give the boundaries of the breaks: one microsecond after the row before."""
    inner = part.breaks[part.breaks > 0]
    times: list[int] = (part.rows["timestamp"][inner - 1] + 1).tolist()
    return times if last is None or not part.starts_interval else [last + 1, *times]
