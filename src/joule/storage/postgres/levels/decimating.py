"""All groups of a stream made anew, in steps: one transaction for so many rows.

New rows are stored meanwhile without groups, until their turn comes. When it ends half way, the
rest of the rows has none, and what is asked of them is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.storage.postgres.levels.level_writing import append_groups
from joule.storage.postgres.tables import interval_table, level_table
from joule.storage.stretch import Stretch

if TYPE_CHECKING:
    import asyncpg

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.levels.level_writing import Growth

STEP_BYTES: Final = 2 << 20


class Progress(NamedTuple):
    """The time to go on from, None when all rows have groups, and what the next ones continue."""

    position: int | None = MIN_TIME
    growth: Growth | None = None


async def step(connection: asyncpg.Connection, stream: StreamRef, progress: Progress) -> Progress:
    """Write the groups of the next rows, which have none yet."""
    assert progress.position is not None
    rows_max = max(STEP_BYTES // stream.layout.row_bytes, 1)
    rest = Interval(progress.position, MAX_TIME)
    rows = await level_table.read(connection, stream, 1, [rest], rows_max)
    if not len(rows):
        return progress._replace(position=None)
    last = int(rows["timestamp"][-1])
    cuts = await interval_table.times_between(connection, stream.id, rest.start - 1, last)
    part = Stretch(rows, interval_table.breaks_of(rows, cuts))
    growth = await append_groups(connection, stream, part, progress.growth)
    return Progress(last + 1 if len(rows) == rows_max else None, growth)
