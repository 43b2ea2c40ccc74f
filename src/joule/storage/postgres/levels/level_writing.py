"""Groups written with the rows: behind the last ones, and anew where older rows have changed.

Everything here happens in the transaction that writes the rows, after it has written them.
"""

from __future__ import annotations

from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.decimation import FACTOR
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.storage.postgres.connection.times import bound
from joule.storage.postgres.levels import covering
from joule.storage.postgres.levels.pyramid import Waiting, grow
from joule.storage.postgres.tables import interval_table, level_table, sample_tables, seams
from joule.storage.postgres.tables.copying import add
from joule.storage.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef

REMADE_ROWS_MAX: Final = 4096
"""So many rows behind a change get new groups; when there are more, a seam is set."""

PAGE_BYTES: Final = 2 << 20
"""So much is read at once of rows whose groups are made anew."""


class Growth(NamedTuple):
    """What the next rows of a stream continue: the tables there are, and what waits for a group."""

    levels: tuple[int, ...]
    waiting: Waiting = ()


class NewGroups(NamedTuple):
    """Groups to write with some rows: those of each level, and the levels without a table yet.

    ``growth`` is what the next rows continue if these are written and nothing else changes the
    stream meanwhile; None when that is to be asked of the database, or there are no groups.
    """

    groups: tuple[tuple[int, Rows], ...] = ()
    missing: tuple[int, ...] = ()
    growth: Growth | None = None


# ------------------------------------------------------------------ at the end of a stream


def has_groups(stream: StreamRef) -> bool:
    """Whether groups of a stream are written."""
    return stream.decimate and level_table.fits(stream)


def new_groups(stream: StreamRef, part: Stretch, growth: Growth) -> NewGroups:
    """Give the groups that are complete with rows behind the last one."""
    found, waiting = grow(part, growth.waiting, stream.layout)
    below, level, levels = part.rows, FACTOR, list(growth.levels)
    groups, missing = [], []
    for rows in found:
        if len(below) and level not in levels:
            levels.append(level)
            missing.append(level)
        if len(rows):
            groups.append((level, rows))
        below, level = rows, level * FACTOR
    return NewGroups(tuple(groups), tuple(missing), Growth(tuple(levels), waiting))


async def find_growth(connection: asyncpg.Connection, stream: StreamRef, end: int) -> Growth:
    """Find what rows from ``end`` on continue, which is behind the last row."""
    levels = await level_table.stored(connection, stream)
    return Growth(tuple(levels), await _waiting(connection, stream, levels, end))


async def append_groups(
    connection: asyncpg.Connection, stream: StreamRef, part: Stretch, growth: Growth | None
) -> Growth | None:
    """Write the groups that are complete with rows just stored behind the last one.

    Gives what the next call continues, if the transaction is committed and nothing else changes
    the stream meanwhile; otherwise that is None, and is asked of the database.
    """
    if not has_groups(stream):
        return None
    if growth is None:
        growth = await find_growth(connection, stream, part.first)
    return await _append(connection, stream, part, growth)


async def _append(
    connection: asyncpg.Connection, stream: StreamRef, part: Stretch, growth: Growth
) -> Growth:
    new = new_groups(stream, part, growth)
    await make_tables(connection, stream, new)
    await add(connection, tables(stream, new))
    assert new.growth is not None
    return new.growth


async def make_tables(connection: asyncpg.Connection, stream: StreamRef, new: NewGroups) -> None:
    """Make the tables of levels that are not there yet."""
    for level in new.missing:
        await level_table.create(connection, stream, level)


def tables(stream: StreamRef, new: NewGroups) -> list[tuple[str, Rows]]:
    """Give the groups with the table that each of them belongs to."""
    return [(level_table.name(stream.id, level), rows) for level, rows in new.groups]


async def _waiting(
    connection: asyncpg.Connection, stream: StreamRef, levels: list[int], end: int
) -> Waiting:
    """Find what is in no group before ``end``, and is continued by the rows from there on.

    When there is more of it than can be, a seam is set at ``end`` and nothing waits.
    """
    start = await seams.last_cut(connection, stream.id, end)
    piece = Interval(MIN_TIME if start is None else start, end)
    waiting: list[Rows] = []
    for level, above in zip_longest(levels, levels[1:]):
        left = right = covering.End(None, [])
        if above is not None:
            ((left, right),) = await covering.find_ends(connection, stream, (level, above), [piece])
        match = right.match
        rest = piece if match is None else piece._replace(start=match.last + 1)
        neighbours = await level_table.read(connection, stream, level, [rest], FACTOR)
        if len(neighbours) < FACTOR:
            waiting.append(neighbours)
        elif match is not None or right.cut_off:
            await seams.put(connection, stream.id, end)
            return ()
        if match is None:
            break  # there are no groups that these could continue
        piece = Interval((left.match or match).parent, match.parent + 1)
    return tuple(waiting)


# ------------------------------------------------------------------ where older rows have changed


async def remake_groups(
    connection: asyncpg.Connection, stream: StreamRef, interval: Interval
) -> None:
    """Make groups anew after rows came to ``[start, end)`` or breaks were removed or set there.

    Groups before the range are continued. Those behind it are continued, too, if there are not
    many rows up to the next cut, otherwise there is a seam between.
    """
    levels = await level_table.stored(connection, stream)
    if len(levels) < 2:
        return  # there are no groups, or not even rows
    end, is_seam = await _end_of_change(connection, stream, interval)
    changed = Interval(interval.start, max(interval.start, end))
    await seams.remove(connection, stream.id, changed)
    await _remove(connection, stream, levels, changed)
    if stream.decimate:
        waiting = await _waiting(connection, stream, levels, changed.start)
        await _fill(connection, stream, changed, Growth(tuple(levels), waiting))
    if is_seam:
        await seams.put(connection, stream.id, end)


async def _end_of_change(
    connection: asyncpg.Connection, stream: StreamRef, interval: Interval
) -> tuple[int, bool]:
    """Give the time up to which groups are made anew, and whether a seam has to be there."""
    last = await sample_tables.last_before(connection, stream.id, bound(interval.end))
    end = interval.start if last is None else max(interval.start, last + 1)
    cuts = await seams.cuts(connection, stream.id, Interval(max(end - 1, MIN_TIME), MAX_TIME), 1)
    table = level_table.qualified(stream.id, 1)
    query = f"SELECT time FROM {table} WHERE time >= $1 ORDER BY time LIMIT {REMADE_ROWS_MAX + 1}"
    following = [time for (time,) in await connection.fetch(query, bound(end))]
    is_all = len(following) <= REMADE_ROWS_MAX
    if cuts and (is_all or cuts[0].time <= following[-1]):
        return cuts[0].time, False
    if is_all:
        return (following[-1] + 1 if following else end), False
    return following[0], True


async def remove_groups(
    connection: asyncpg.Connection, stream: StreamRef, interval: Interval
) -> None:
    """Remove the groups that held a row of ``[start, end)``, once these rows are removed."""
    levels = await level_table.stored(connection, stream)
    await _remove(connection, stream, levels, interval)


async def _remove(
    connection: asyncpg.Connection, stream: StreamRef, levels: list[int], interval: Interval
) -> None:
    """Remove the groups with a row in a range; the lower ones first, as they show the others."""
    outside = [Interval(MIN_TIME, interval.start), Interval(interval.end, MAX_TIME)]
    for level, above in pairwise(levels):
        await level_table.delete(connection, stream, above, interval)
        before, behind = await covering.find_ends(connection, stream, (level, above), outside)
        for time in (*before[1].cut_off, *behind[0].cut_off):
            await level_table.delete(connection, stream, above, Interval(time, time + 1))


async def drop_groups(connection: asyncpg.Connection, stream: StreamRef) -> None:
    """Drop all groups."""
    await level_table.drop(connection, stream)
    await seams.forget(connection, [stream.id])


async def _fill(
    connection: asyncpg.Connection, stream: StreamRef, interval: Interval, growth: Growth
) -> None:
    """Write the groups of the rows in ``[start, end)``."""
    async for stretch in _stretches(connection, stream, interval):
        growth = await _append(connection, stream, stretch, growth)


async def _stretches(
    connection: asyncpg.Connection, stream: StreamRef, interval: Interval
) -> AsyncIterator[Stretch]:
    rows_max = max(PAGE_BYTES // stream.layout.row_bytes, 1)
    rest = interval
    while rest.start < rest.end:
        rows = await level_table.read(connection, stream, 1, [rest], rows_max)
        if not len(rows):
            return
        last = int(rows["timestamp"][-1])
        times = await interval_table.times_between(connection, stream.id, rest.start - 1, last)
        yield Stretch(rows, interval_table.breaks_of(rows, times))
        rest = rest._replace(start=last + 1)
