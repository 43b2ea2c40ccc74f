"""The first and the last few times of all levels in a range, and what they tell: no more questions.

An end of a range cuts off at most one group of each level, and of what is before the first whole
group of the level above there are three at most. So a dozen times of each level, asked for at once,
tell which groups lie in the range, unless rows were deleted or written in other ways.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import Interval
from joule.storage.postgres.levels.matching import CANDIDATES, Cover, Match, match_of
from joule.storage.postgres.tables import level_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.storage.postgres.connection.answers import Copied

TIMES_MAX: Final = 12


class _UnknownError(LookupError):
    """More times have to be looked at."""


class Level(NamedTuple):
    """The first and the last times of a level in a range, in order; when few, both are all."""

    head: Sequence[int]
    tail: Sequence[int]
    is_all: bool


Edges = dict[int, Level]
"""What is known of each level in a range."""


def query(stream_id: int, levels: Sequence[int], ranges: Sequence[Interval]) -> str:
    """Give the SQL for the times of levels at both ends of ranges."""
    parts = " UNION ALL ".join(
        f"(SELECT {sign * level}::bigint AS side, time FROM {table}"
        f" WHERE time >= range.start AND time < range.stop"
        f" ORDER BY time {order} LIMIT {TIMES_MAX})"
        for level in levels
        for table in [level_table.qualified(stream_id, level)]
        for sign, order in ((1, "ASC"), (-1, "DESC"))
    )
    ranges_sql = level_table.ranges_sql(ranges)
    return f"SELECT range.number, found.side, found.time FROM {ranges_sql}, LATERAL ({parts}) found"


def edges_of(found: Copied, levels: Sequence[int], count: int) -> list[Edges]:
    """Give what a query has found of each of ``count`` ranges."""
    sides: list[dict[int, list[int]]] = [
        {side: [] for level in levels for side in (level, -level)} for _ in range(count)
    ]
    for number, side, time in found.times(2).tolist():
        sides[number - 1][side].append(time)
    return [{level: _level(times[level], times[-level]) for level in levels} for times in sides]


def _level(head: list[int], tail: list[int]) -> Level:
    head.sort()
    tail.sort()
    if len(head) < TIMES_MAX or head[-1] >= tail[0]:
        head = tail = sorted({*head, *tail})
        return Level(head, tail, is_all=True)
    return Level(head, tail, is_all=False)


def cover(piece: Interval, edges: Edges) -> Cover | None:
    """Cover the rows of a piece without cuts with groups; None when too little is known for it."""
    try:
        return _cover(piece, edges) if edges else None
    except _UnknownError:
        return None


def _cover(piece: Interval, edges: Edges) -> Cover:
    found: Cover = {}
    rising = piece
    for level, above in pairwise(edges):
        left = _match(edges[level], edges[above], rising, at_end=False)
        right = _match(edges[level], edges[above], rising, at_end=True)
        if left is None or right is None or left.parent > right.parent:
            found[level] = [rising]
            return found
        before, behind = Interval(rising.start, left.first), Interval(right.last + 1, rising.end)
        sides = [before] * left.has_before + [behind] * right.has_behind
        if sides:
            found[level] = sides
        rising = Interval(left.parent, right.parent + 1)
    found[max(edges)] = [rising]
    return found


def count(level: Level, interval: Interval) -> int | None:
    """Give the number of times in a range, None when too little is known for it."""
    if level.is_all or interval.end <= level.head[-1] + 1:
        return len(_within(level.head, interval))
    if interval.start >= level.tail[0]:
        return len(_within(level.tail, interval))
    return None


def _match(below: Level, above: Level, interval: Interval, *, at_end: bool) -> Match | None:
    """Find the group of the higher level that is next to an end of a range and lies in it."""
    children = _within(below.tail if at_end else below.head, interval)
    parents = _within(above.tail if at_end else above.head, interval)
    candidates = parents[: -CANDIDATES - 1 : -1] if at_end else parents[:CANDIDATES]
    for parent in candidates:
        at = bisect_right(children, parent)
        match = match_of(parent, children[max(at - 4, 0) : at + 4])
        if match is not None:
            return match
        inward = at if at_end else len(children) - at
        if inward < 4 and not below.is_all:
            raise _UnknownError
    if len(candidates) < CANDIDATES and not above.is_all:
        raise _UnknownError
    return None


def _within(times: Sequence[int], interval: Interval) -> Sequence[int]:
    return times[bisect_left(times, interval.start) : bisect_left(times, interval.end)]
