"""Consecutive rows of a stream and the breaks between them: pure functions, a value of engines.

A break is the index of a row that starts an interval. A break at index 0 lies between a stretch
and whatever comes before it, so joining, cutting and merging stretches keeps all breaks in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from joule.errors import DuplicateTimestampError
from joule.models.layout import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.models.intervals import Interval
    from joule.models.layout import Rows

Indices: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]

NO_BREAKS: Indices = np.empty(0, dtype=np.intp)
FIRST_ROW: Indices = np.zeros(1, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """``rows`` is ``(n,)``, in time order; ``breaks`` the increasing indices of interval starts."""

    rows: Rows
    breaks: Indices

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def first(self) -> int:
        """Timestamp of the first row; there is one."""
        return int(self.rows["timestamp"][0])

    @property
    def last(self) -> int:
        """Timestamp of the last row; there is one."""
        return int(self.rows["timestamp"][-1])

    @property
    def starts_interval(self) -> bool:
        """Whether there is a break before the first row."""
        return len(self.breaks) > 0 and int(self.breaks[0]) == 0

    def part(self, start: int, end: int) -> Stretch:
        """Rows with the indices ``[start, end)`` and the breaks before them, as views."""
        if not len(self.breaks):
            return Stretch(self.rows[start:end], NO_BREAKS)
        low, high = np.searchsorted(self.breaks, (start, end))
        return Stretch(self.rows[start:end], self.breaks[low:high] - start)

    def span(self, interval: Interval) -> tuple[int, int]:
        """Give the index bounds of the rows in ``[start, end)``."""
        times = self.rows["timestamp"]
        if not len(times):
            return 0, 0
        low = 0 if interval.start <= times[0] else _index_of(times, interval.start)
        high = len(times) if interval.end > times[-1] else _index_of(times, interval.end)
        return low, max(low, high)

    def clip(self, interval: Interval) -> Stretch:
        """Rows in ``[start, end)``."""
        return self.part(*self.span(interval))

    def runs(self) -> Iterator[Stretch]:
        """Unbroken pieces, in order; only the first may come without a break at its start."""
        edges = [0, *self.breaks[self.breaks > 0].tolist(), len(self)]
        for start, end in pairwise(edges):
            if start < end:
                yield self.part(start, end)

    def with_break(self, index: int, *, present: bool) -> Stretch:
        """The same rows with a break before the row ``index``, or without one."""
        others = self.breaks[self.breaks != index]
        at = int(np.searchsorted(others, index))
        return Stretch(self.rows, np.insert(others, at, index) if present else others)


def _index_of(times: np.ndarray[Any, np.dtype[np.int64]], time: int) -> int:
    return int(np.searchsorted(times, np.int64(time)))


def join(parts: Sequence[Stretch]) -> Stretch:
    """Put stretches behind one another; there is at least one."""
    if len(parts) == 1:
        return parts[0]
    rows = [part.rows for part in parts]
    offsets = accumulate(map(len, rows), initial=0)
    breaks = [
        part.breaks + at for part, at in zip(parts, offsets, strict=False) if len(part.breaks)
    ]
    return Stretch(joined(rows), np.concatenate(breaks) if breaks else NO_BREAKS)


def cut(stretch: Stretch, rows_max: int) -> Iterator[Stretch]:
    """Cut into pieces of ``rows_max`` rows; the last one holds what is left."""
    for start in range(0, len(stretch), rows_max):
        yield stretch.part(start, min(start + rows_max, len(stretch)))


def merge(old: Stretch, new: Rows) -> Stretch:
    """Merge new rows into a stretch; a break that new rows fall into is bridged by them.

    Raises ``DuplicateTimestampError`` naming the first timestamp that both have.
    """
    at = np.searchsorted(old.rows["timestamp"], new["timestamp"])
    _refuse_duplicates(old.rows, new, at)
    kept = np.setdiff1d(old.breaks, at)
    # A row moves back by the number of new rows in front of it; none are right before a break.
    moved = kept + np.searchsorted(at, kept, side="right")
    return Stretch(np.insert(old.rows, at, new), moved)


def _refuse_duplicates(old: Rows, new: Rows, at: Indices) -> None:
    inside = at < len(old)
    stored = old["timestamp"][at[inside]]
    doubles = stored[stored == new["timestamp"][inside]]
    if len(doubles):
        raise DuplicateTimestampError(f"a row with timestamp {int(doubles[0])} already exists")


def remove(stretch: Stretch, start: int, end: int) -> Stretch:
    """Remove the rows with the indices ``[start, end)``; a break stays in their place."""
    before, behind = stretch.part(0, start), stretch.part(end, len(stretch))
    if start == end or not len(behind):
        return before if start < end else stretch
    return join([before, behind.with_break(0, present=True)])


def group_starts(length: int, breaks: Indices, factor: int) -> Indices:
    """Give the indices where groups of ``factor`` start, afresh at every break."""
    if not len(breaks):
        return np.arange(0, length, factor)
    runs = np.union1d(FIRST_ROW, breaks)
    groups = -(-np.diff(runs, append=length) // factor)
    number = np.arange(groups.sum()) - np.repeat(np.cumsum(groups) - groups, groups)
    starts: Indices = np.repeat(runs, groups) + number * factor
    return starts
