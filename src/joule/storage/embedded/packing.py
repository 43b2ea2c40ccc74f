"""Groups joined across chunks, so that a decimated view has few of them.

Chunks, and the cut ends of a range, leave groups behind that hold fewer rows than asked for. The
packer joins neighbours of the same interval as long as they fit into one group of the level.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from joule.models.decimation import concat, reduce_at, regroup, regroup_at

if TYPE_CHECKING:
    from joule.models.decimation import Groups
    from joule.models.layout import Rows
    from joule.storage.embedded.stretch import Indices


class Packer:
    """Joins consecutive groups of one interval into groups of at most ``level`` rows."""

    def __init__(self, level: int) -> None:
        self._level = level
        # What does not fill a group yet; joined when it does, so that means are rounded once.
        self._rest: Groups | None = None

    def push_rows(self, rows: Rows) -> Groups | None:
        """Take the next raw rows of the interval; groups that are now complete, if any."""
        held = 0 if self._rest is None else int(self._rest.count.sum())
        room = (self._level - held) % self._level
        starts = np.arange(room, len(rows), self._level)
        if room:
            starts = np.concatenate([[0], starts])
        return self.push(reduce_at(rows, starts)) if len(rows) else None

    def push(self, groups: Groups) -> Groups | None:
        """Take the next groups of the interval; groups that are now complete, if any."""
        if self._rest is not None:
            groups = concat([self._rest, groups])
        starts = packed_starts(groups.count, self._level)
        packed = regroup_at(groups, starts)
        if packed.count[-1] == self._level:
            self._rest = None
            return packed
        self._rest = groups[starts[-1] :]
        return packed[:-1] if len(packed) > 1 else None

    def flush(self) -> Groups | None:
        """End the interval: give the group that is not full, if there is one."""
        rest, self._rest = self._rest, None
        return None if rest is None else regroup(rest, len(rest))


def packed_starts(count: Indices, level: int) -> Indices:
    """Give where joined groups start when each takes in what fits, from left to right."""
    if not (count[1:] + count[:-1] <= level).any():
        return np.arange(len(count))
    ends = np.cumsum(count).tolist()
    starts, taken = [], 0
    index = 0
    while index < len(ends):
        starts.append(index)
        index = max(index + 1, bisect_right(ends, taken + level))
        taken = ends[index - 1]
    return np.array(starts)
