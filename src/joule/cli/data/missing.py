"""What one stream has and another one lacks, as the pieces that have to be written.

Pure interval arithmetic, the same for copies and for merges.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from joule.models.intervals import ALL_TIME, Interval, clip, difference

if TYPE_CHECKING:
    from collections.abc import Sequence


class Piece(NamedTuple):
    """A part of a source interval that the destination lacks.

    ``continues`` says that rows of the same interval are right before it in the destination, which
    it has to be joined to: it is what was cut off.
    """

    start: int
    end: int
    continues: bool

    @property
    def length(self) -> int:
        """Its duration in us."""
        return self.end - self.start


def missing(
    source: Sequence[Interval], stored: Sequence[Interval], within: Interval = ALL_TIME
) -> list[Piece]:
    """List the pieces of ``source`` that are not ``stored``, in order; both lists are whole."""
    starts = {interval.start for interval in source}
    resumable = {interval.end for interval in stored} - starts
    lacking = difference(clip(source, within), stored)
    return [Piece(start, end, start in resumable) for start, end in lacking]


def runs(pieces: Sequence[Piece], stored: Sequence[Interval]) -> list[list[Piece]]:
    """Group pieces that can be read and written in one go.

    Within a run there is nothing stored, so that it is one range of the source, and only its
    first piece continues something.
    """
    groups: list[list[Piece]] = []
    begins = [interval.start for interval in stored]
    for piece in pieces:
        before = groups[-1][-1] if groups else None
        if before is not None and not piece.continues:
            behind = bisect_left(begins, before.end)
            if behind == len(begins) or begins[behind] >= piece.start:
                groups[-1].append(piece)
                continue
        groups.append([piece])
    return groups


def false_breaks(source: Sequence[Interval], stored: Sequence[Interval]) -> list[Interval]:
    """List the breaks between ``stored`` intervals where the source has none.

    Each is given from the last row before it to the first row behind it, both included.
    """
    begins = [interval.start for interval in source]
    found = []
    for before, behind in pairwise(stored):
        around = bisect_right(begins, before.end - 1) - 1
        if around >= 0 and source[around].end > behind.start:
            found.append(Interval(before.end - 1, behind.start + 1))
    return found
