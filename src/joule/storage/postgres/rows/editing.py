"""Changes in the middle of the stored rows of a stream, each within a transaction.

Rows that are pending are not seen here: the caller stores them first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import asyncpg
import numpy as np

from joule.errors import DuplicateTimestampError
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.storage.postgres.connection.times import FIRST_US, bound
from joule.storage.postgres.levels.level_writing import (
    REMADE_ROWS_MAX,
    remake_groups,
    remove_groups,
)
from joule.storage.postgres.rows import row_writing
from joule.storage.postgres.rows.row_writing import Tip
from joule.storage.postgres.tables import compressed_table, interval_table, sample_tables
from joule.storage.postgres.tables.copying import copy_in
from joule.storage.postgres.tables.totals import Total
from joule.storage.stretch import FIRST_ROW, NO_BREAKS, Stretch

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.rows.queries import Known
    from joule.storage.postgres.tables.interval_table import Boundary

ROWS_PER_STEP: Final = 100_000
"""So many rows are removed in one transaction, so that others get their turn."""

BREAKS_PER_STEP: Final = 100
"""So many boundaries are looked at in one transaction."""


class Flags(NamedTuple):
    """Whether there is a break before the first and after the last of some rows."""

    starts_interval: bool
    ends_interval: bool


class Removal(NamedTuple):
    """What one step removed: how many rows, and the time to go on from, None at the end."""

    rows: int
    position: int | None = None


# ------------------------------------------------------------------ late rows


async def insert(
    connection: asyncpg.Connection, stream: StreamRef, tip: Tip, rows: Rows, flags: Flags
) -> Tip:
    """Merge rows; ``DuplicateTimestampError`` for one that is there, which ends the transaction."""
    first, last = int(rows["timestamp"][0]), int(rows["timestamp"][-1])
    total = tip.total
    if total.last is None or total.first is None or first > total.last:
        breaks = FIRST_ROW if flags.starts_interval else NO_BREAKS
        return await row_writing.append(connection, stream, tip, [Stretch(rows, breaks)])
    before = await sample_tables.last_before(connection, stream.id, first)
    after = await sample_tables.first_from(connection, stream.id, last)
    await _bridge(connection, stream.id, rows, before, after)
    await compressed_table.discard(connection, stream.id, Interval(first, last + 1))
    try:
        await copy_in(connection, sample_tables.base(stream.id), rows)
    except asyncpg.UniqueViolationError as error:
        raise DuplicateTimestampError(str(error)) from error
    cuts = [before + 1] if flags.starts_interval and before is not None else []
    cuts += [last + 1] if flags.ends_interval and after is not None else []
    await interval_table.add(connection, stream.id, cuts)
    await remake_groups(connection, stream, Interval(first, last + 1))
    assert total.rows is not None
    return Tip(Total(total.rows + len(rows), min(first, total.first), max(last, total.last)))


async def first_duplicate(connection: asyncpg.Connection, known: Known, rows: Rows) -> int | None:
    """Timestamp of the first of ``rows`` that is there already, pending or stored."""
    times = rows["timestamp"]
    found = [piece.rows["timestamp"] for piece in known.view.pieces]
    doubles = np.intersect1d(times, np.concatenate(found)).tolist() if found else []
    if known.total.first is not None:
        table = sample_tables.qualified(sample_tables.base(known.stream.id))
        query = f"SELECT min(time) FROM {table} WHERE time = ANY($1::timestamp[])"
        stored = await connection.fetchval(query, times.tolist())
        doubles += [] if stored is None else [stored]
    return min(doubles, default=None)


async def _bridge(
    connection: asyncpg.Connection,
    stream_id: int,
    rows: Rows,
    before: int | None,
    after: int | None,
) -> None:
    """Remove the boundaries of the breaks that new rows fall into; ``rows`` is not stored yet."""
    start = MIN_TIME if before is None else before
    end = MAX_TIME if after is None else after
    found = await interval_table.with_neighbours(connection, stream_id, start, end)
    doomed = [cut.time for cut in found if _fall_into(rows, cut)]
    await interval_table.remove(connection, stream_id, doomed)


def _fall_into(rows: Rows, cut: Boundary) -> bool:
    """Whether a row lies between the rows around a boundary, of which one may be missing."""
    if cut.before is None or cut.after is None:
        return True
    bounds = np.array([cut.before, cut.after])
    start, end = np.searchsorted(rows["timestamp"], bounds)
    return bool(start < end)


# ------------------------------------------------------------------ removal


async def remove(
    connection: asyncpg.Connection, stream: StreamRef, tip: Tip, interval: Interval
) -> tuple[Removal, Tip]:
    """Remove the first rows of ``[start, end)``, up to a number; a break stays in their place."""
    part, position = await _step(connection, stream.id, interval)
    table = sample_tables.qualified(sample_tables.base(stream.id))
    status = await connection.execute(
        f"DELETE FROM {table} WHERE time >= $1 AND time < $2", bound(part.start), part.end
    )
    removed = int(status.split()[-1])
    if not removed:
        return Removal(0), tip
    await compressed_table.discard(connection, stream.id, part)
    before = await sample_tables.last_before(connection, stream.id, part.start)
    after = await sample_tables.first_from(connection, stream.id, part.end)
    await interval_table.clear(connection, stream.id, before, after)
    if before is not None and after is not None:
        await interval_table.add(connection, stream.id, [before + 1])
    await remove_groups(connection, stream, part)
    return Removal(removed, position), Tip(_without(tip.total, removed, before, after))


def _without(total: Total, removed: int, before: int | None, after: int | None) -> Total:
    """Give the total after a removal that left these rows around it."""
    if before is None and after is None:
        return Total()
    assert total.rows is not None
    first = after if before is None else total.first
    last = before if after is None else total.last
    return Total(total.rows - removed, first, last)


async def _step(
    connection: asyncpg.Connection, stream_id: int, interval: Interval
) -> tuple[Interval, int | None]:
    """Give the part of a range to remove now, and where the rest begins."""
    table = sample_tables.qualified(sample_tables.base(stream_id))
    query = f"""
        SELECT time FROM {table} WHERE time >= $1 AND time < $2
        ORDER BY time OFFSET {ROWS_PER_STEP} LIMIT 1
    """
    position = await connection.fetchval(query, bound(interval.start), interval.end)
    return interval if position is None else interval._replace(end=position), position


# ------------------------------------------------------------------ closed gaps


async def consolidate(
    connection: asyncpg.Connection,
    stream: StreamRef,
    interval: Interval,
    max_gap_us: int,
    position: int,
) -> tuple[int, int | None]:
    """Remove the first breaks inside the range with a gap of at most ``max_gap_us``.

    Gives their number and the time to go on from, None at the end; ``position`` is such a time.
    """
    found = await interval_table.with_neighbours(
        connection, stream.id, position, interval.end, limit=BREAKS_PER_STEP
    )
    is_all = len(found) < BREAKS_PER_STEP
    if not is_all:  # a break may have several boundaries: it is dealt with as a whole
        found = [cut for cut in found if cut.after != found[-1].after] or found
    doomed = [cut for cut in found if _is_inside(cut, interval) and _gap_us(cut) <= max_gap_us]
    await interval_table.remove(connection, stream.id, [cut.time for cut in doomed])
    joints = sorted({cut.after for cut in doomed if cut.after is not None})
    for joined in await _neighbourhoods(connection, stream.id, joints):
        await remake_groups(connection, stream, joined)
    return len(joints), None if is_all else found[-1].time


async def _neighbourhoods(
    connection: asyncpg.Connection, stream_id: int, joints: list[int]
) -> list[Interval]:
    """Give the ranges from joint to joint as far as few rows lie between two of them.

    Their groups are made anew as a whole, which is quicker than for each joint.
    """
    table = sample_tables.qualified(sample_tables.base(stream_id))
    query = f"""
        SELECT (SELECT time FROM {table} WHERE time >= joint
            ORDER BY time OFFSET {REMADE_ROWS_MAX} LIMIT 1)
        FROM unnest($1::timestamp[]) WITH ORDINALITY AS found (joint, number) ORDER BY number
    """
    reaches = [reach for (reach,) in await connection.fetch(query, joints)]
    ranges: list[Interval] = []
    end: int | None = FIRST_US
    for joint, reach in zip(joints, reaches, strict=True):
        if ranges and (end is None or joint <= end):
            ranges[-1] = ranges[-1]._replace(end=joint)
        else:
            ranges.append(Interval(joint, joint))
        end = reach
    return ranges


def _is_inside(cut: Boundary, interval: Interval) -> bool:
    """Whether there are rows on both sides of a boundary, both in the range."""
    return cut.before in interval and cut.after in interval


def _gap_us(cut: Boundary) -> int:
    assert cut.before is not None
    assert cut.after is not None
    return cut.after - (cut.before + 1)
