"""Half-open intervals ``[start, end)`` of UNIX microseconds, and the algebra on lists of them.

Lists are sorted and their members do not overlap. Adjacent members stay separate: where one ends
and the next begins there is a gap in the data even when it has no length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MIN_TIME = -(2**63)
MAX_TIME = 2**63 - 1


class Interval(NamedTuple):
    """``[start, end)`` in UNIX microseconds."""

    start: int
    end: int

    def __contains__(self, timestamp: object) -> bool:
        return isinstance(timestamp, int) and self.start <= timestamp < self.end

    def clip(self, other: Interval) -> Interval | None:
        """Give the part inside ``other``, or None when there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None


ALL_TIME = Interval(MIN_TIME, MAX_TIME)


def bounded(start: int | None, end: int | None) -> Interval:
    """Make an interval of two optional bounds; an absent bound is the extreme timestamp."""
    return Interval(MIN_TIME if start is None else start, MAX_TIME if end is None else end)


def intersection(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """Give the time covered by both lists; pieces without length are left out."""
    out: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        common = left[i].clip(right[j])
        if common is not None:
            out.append(common)
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1
    return out


def difference(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """Give the time of ``left`` not covered by ``right``; pieces without length are left out."""
    out: list[Interval] = []
    j = 0
    for piece in left:
        start = piece.start
        while j < len(right) and right[j].end <= start:
            j += 1
        k = j
        while k < len(right) and right[k].start < piece.end:
            if right[k].start > start:
                out.append(Interval(start, right[k].start))
            start = max(start, right[k].end)
            k += 1
        if start < piece.end:
            out.append(Interval(start, piece.end))
    return out


def clip(intervals: Iterable[Interval], bounds: Interval) -> list[Interval]:
    """Give the parts of ``intervals`` inside ``bounds``."""
    return [part for piece in intervals if (part := piece.clip(bounds)) is not None]
