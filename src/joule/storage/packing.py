"""Groups joined across chunks, so that a decimated view has no more of them than it should.

Chunks, and the cut ends of a range, leave groups behind that hold fewer rows than asked for. The
packer lays lines over the rows of an interval, one after every ``level`` of them, and joins what
lies between two lines. A group that a line cuts belongs to what is before it: what is joined so may
hold up to one group more than ``level`` rows, and there is at most one for each ``level`` rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from joule.storage.stretch import FIRST_ROW
from joule.storage.summary import joined, summarize

if TYPE_CHECKING:
    from joule.storage.stretch import Indices, Stretch
    from joule.storage.summary import Summary


class Packing(NamedTuple):
    """Where joined groups start, whether the last one is complete, and where the rest begins.

    ``over`` is the number of rows between the last line and the first group that is not complete.
    """

    starts: Indices
    is_complete: bool
    over: int


class Packer:
    """Joins consecutive groups of an interval into groups of about ``level`` rows."""

    def __init__(self, level: int) -> None:
        self._level = level
        # What has not come to a line yet; joined when it has, so that means are rounded once.
        self._rest: Summary | None = None
        self._over = 0

    def push_rows(self, stretch: Stretch) -> Summary | None:
        """Take the next raw rows; groups that are now complete, if any."""
        if not len(stretch):
            return None
        waiting = 0 if self._rest is None else int(self._rest.groups.count.sum())
        return self.push(summarize(stretch, self._level, self._over + waiting))

    def push(self, summary: Summary) -> Summary | None:
        """Take the next groups, at least one; groups that are now complete, if any."""
        if self._rest is not None:
            summary = joined([self._rest, summary])
        starts, is_complete, self._over = packed(summary, self._level, self._over)
        if is_complete:
            self._rest = None
            return summary.regrouped(starts)
        self._rest = summary.part(int(starts[-1]), len(summary.groups))
        return summary.regrouped(starts).part(0, len(starts) - 1) if len(starts) > 1 else None

    def flush(self) -> Summary | None:
        """Give the group that is not complete, if there is one."""
        rest, self._rest = self._rest, None
        return None if rest is None else rest.regrouped(FIRST_ROW)


def packed(summary: Summary, level: int, over: int) -> Packing:
    """Find what lies between two lines; the first line lies ``over`` rows before the first group.

    Where an interval begins, there is a line.
    """
    count, breaks = summary.groups.count, summary.breaks
    runs = np.union1d(FIRST_ROW, breaks)
    ends = np.cumsum(count)
    origins = (ends - count)[runs]
    if not len(breaks) or breaks[0]:
        origins[0] -= over
    ends -= np.repeat(origins, np.diff(runs, append=len(count)))
    completes = ends // level > (ends - count) // level
    starts = np.union1d(runs, np.flatnonzero(completes[:-1]) + 1)
    is_complete = bool(completes[-1])
    end = ends[-1] if is_complete else ends[starts[-1]] - count[starts[-1]]
    return Packing(starts, is_complete, int(end) % level)
