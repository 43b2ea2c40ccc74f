"""Rows behind the last one of a stream: what they add to its tables, and adding it.

What is added follows from the rows and from the tip of the stream alone. So it can be known
before the rows in front of it are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import Interval
from joule.storage.postgres.levels import level_writing
from joule.storage.postgres.levels.level_writing import NewGroups
from joule.storage.postgres.tables import (
    chunking,
    compressed_table,
    interval_table,
    sample_tables,
)
from joule.storage.postgres.tables.copying import add
from joule.storage.postgres.tables.totals import Total
from joule.storage.stretch import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.levels.level_writing import Growth
    from joule.storage.postgres.tables.copying import RowsOfTable
    from joule.storage.stretch import Stretch

COPY_BYTES_MAX: Final = 8 << 20


class Tip(NamedTuple):
    """Where the rows of a stream end, and what the next ones continue."""

    total: Total
    growth: Growth | None = None


class Addition(NamedTuple):
    """Rows, the boundaries of their breaks and the groups complete with them; the tip behind."""

    stream: StreamRef
    rows: Rows
    boundaries: list[int]
    new: NewGroups
    is_measured: bool
    """Whether these rows show how long chunks are to be."""

    tip: Tip

    @property
    def needs_tables(self) -> bool:
        """Whether there is more to do than to add rows to tables that are there."""
        return bool(self.new.missing) or self.is_measured

    @property
    def tables(self) -> list[tuple[str, Rows]]:
        """The rows of each table: its own first, then those of rising levels."""
        groups = level_writing.tables(self.stream, self.new)
        return [(sample_tables.base(self.stream.id), self.rows), *groups]

    @property
    def table_names(self) -> list[str]:
        """All tables that something is added to."""
        cuts = [sample_tables.boundaries(self.stream.id)] if self.boundaries else []
        return [*cuts, *(name for name, _ in self.tables)]


def is_plannable(stream: StreamRef, tip: Tip) -> bool:
    """Whether all is known that an addition follows from."""
    return tip.growth is not None or not level_writing.has_groups(stream)


def is_among_stored(tip: Tip, first: int) -> bool:
    """Whether rows that begin here come before the last stored one, which others have put there."""
    return tip.total.last is not None and first <= tip.total.last


def plan(stream: StreamRef, tip: Tip, part: Stretch) -> Addition:
    """Give what rows behind the last one, at least one, add to a stream."""
    total, new = tip.total, NewGroups()
    if level_writing.has_groups(stream):
        assert tip.growth is not None
        new = level_writing.new_groups(stream, part, tip.growth)
    assert total.rows is not None
    first = part.first if total.first is None else total.first
    last = part.last if total.last is None else max(part.last, total.last)
    longer = Total(total.rows + len(part), first, last)
    return Addition(
        stream,
        part.rows,
        _boundaries(part, total.last),
        new,
        chunking.is_due(total.rows, total.rows + len(part)),
        Tip(longer, new.growth),
    )


async def write(
    connection: asyncpg.Connection, addition: Addition, *, levels_first: bool = False
) -> list[RowsOfTable]:
    """Write what was planned, within a transaction; give the rows that are left to add."""
    stream = addition.stream
    await interval_table.add(connection, stream.id, addition.boundaries)
    await level_writing.make_tables(connection, stream, addition.new)
    return addition.tables[::-1] if levels_first else addition.tables


async def append(
    connection: asyncpg.Connection, stream: StreamRef, tip: Tip, pieces: Iterable[Stretch]
) -> Tip:
    """Add rows behind the last one to the tables, which are there; the new tip."""
    rows_max = max(COPY_BYTES_MAX // stream.layout.row_bytes, 1)
    for piece in pieces:
        if is_among_stored(tip, piece.first):
            await compressed_table.discard(
                connection, stream.id, Interval(piece.first, piece.last + 1)
            )
        for part in cut(piece, rows_max):
            if not is_plannable(stream, tip):
                growth = await level_writing.find_growth(connection, stream, part.first)
                tip = tip._replace(growth=growth)
            addition = plan(stream, tip, part)
            await add(connection, await write(connection, addition))
            if addition.is_measured:
                await chunking.set_lengths(connection, stream, addition.tip.total)
            tip = addition.tip
    return tip


def _boundaries(part: Stretch, last: int | None) -> list[int]:
    """Give the boundaries of the breaks: one microsecond after the row before."""
    inner = part.breaks[part.breaks > 0]
    times: list[int] = (part.rows["timestamp"][inner - 1] + 1).tolist()
    return times if last is None or not part.starts_interval else [last + 1, *times]
