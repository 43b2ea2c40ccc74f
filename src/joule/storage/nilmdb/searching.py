"""Single rows of a path found by their number or their neighbours, with a handful of requests.

A server counts the rows of a range much faster than it sends them, so a row is closed in on by
counting, and only the last few thousand candidates are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.models.intervals import MAX_TIME, MIN_TIME, Interval

if TYPE_CHECKING:
    from joule.storage.nilmdb.stored import StoredPath

LOOKED_AT_BYTES: Final = 64 * 1024


async def time_of_row(path: StoredPath, bounds: Interval, number: int, total: int) -> int:
    """Give the timestamp of the row ``number``, from 0, of the ``total`` rows within bounds."""
    near = max(16, LOOKED_AT_BYTES // path.layout.row_bytes)
    low, high = bounds
    below, upto = 0, total
    step = 0
    while upto - below > near:
        middle = _guess(low, high, (number - below) / (upto - below), near / (upto - below), step)
        rows = below + await path.count(Interval(low, middle))
        if rows <= number:
            low, below = middle, rows
        else:
            high, upto = middle, rows
        step += 1
    rows_near = await path.extract(Interval(low, high))
    return int(rows_near["timestamp"][number - below])


def _guess(low: int, high: int, share: float, near: float, step: int) -> int:
    """Give a time between the two: one before, one behind the place, then in the middle as well."""
    span = high - low
    if step > 1 and step % 2 == 0:
        return low + span // 2
    is_behind = step % 4 == 1
    share += (near if is_behind else -near) / 3
    return min(max(low + int(span * share), low + 1), high - 1)


async def first_row(path: StoredPath, start: int) -> int | None:
    """Give the timestamp of the first row at or after ``start``."""
    for piece in await path.coverage(Interval(start, MAX_TIME)):
        if len(await path.extract(Interval(piece.start, piece.start + 1))):
            return piece.start
        total = await path.count(piece)
        if total:
            return await time_of_row(path, piece, 0, total)
    return None


async def last_row(path: StoredPath, end: int) -> int | None:
    """Give the timestamp of the last row before ``end``."""
    for piece in reversed(await path.coverage(Interval(MIN_TIME, end))):
        if len(await path.extract(Interval(piece.end - 1, piece.end))):
            return piece.end - 1
        total = await path.count(piece)
        if total:
            return await time_of_row(path, piece, total - 1, total)
    return None
