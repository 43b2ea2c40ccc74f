"""Consecutive groups of a stream and the breaks among them: what a ``Stretch`` is for rows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from joule.models.decimation import Groups, concat, reduce_at, regroup_at
from joule.storage.stretch import NO_BREAKS, group_starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.storage.stretch import Indices, Stretch


class Summary(NamedTuple):
    """``breaks`` are the increasing indices of the groups that begin an interval."""

    groups: Groups
    breaks: Indices = NO_BREAKS

    def part(self, start: int, end: int) -> Summary:
        """Groups with the indices ``[start, end)`` and the breaks before them, as views."""
        low, high = np.searchsorted(self.breaks, (start, end))
        return Summary(self.groups[start:end], self.breaks[low:high] - start)

    def regrouped(self, starts: Indices) -> Summary:
        """Join the groups from each start up to the next one; all breaks are among the starts."""
        return Summary(regroup_at(self.groups, starts), np.searchsorted(starts, self.breaks))

    def runs(self) -> Iterator[tuple[Groups, bool]]:
        """Unbroken groups, and whether there is a break before them."""
        edges = [0, *self.breaks[self.breaks > 0].tolist(), len(self.groups)]
        starts_interval = len(self.breaks) > 0 and int(self.breaks[0]) == 0
        for start, end in pairwise(edges):
            yield self.groups[start:end], starts_interval or start > 0


def summarize(stretch: Stretch, level: int, held: int = 0) -> Summary:
    """Group every ``level`` rows from each break on; before the first one ``held`` are there."""
    if stretch.starts_interval:
        held = 0
    starts = group_starts(held + len(stretch), stretch.breaks + held, level) - held
    starts = np.concatenate([[0], starts[starts > 0]])
    return Summary(reduce_at(stretch.rows, starts), np.searchsorted(starts, stretch.breaks))


def with_breaks(groups: Groups, rows: Indices) -> Summary:
    """Give the groups with the breaks that lie before the given rows of them."""
    return Summary(groups, np.searchsorted(np.cumsum(groups.count) - groups.count, rows))


def joined(parts: Sequence[Summary]) -> Summary:
    """Put groups behind one another; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    begins = begins_of([len(part.groups) for part in parts])
    groups = concat([part.groups for part in parts])
    return Summary(groups, moved([part.breaks for part in parts], begins))


def begins_of(lengths: Sequence[int]) -> Indices:
    """Give where each part begins when all lie behind one another."""
    return np.cumsum([0, *lengths[:-1]], dtype=np.intp)


def moved(parts: Sequence[Indices], begins: Indices) -> Indices:
    """Put the indices of all parts behind one another, each counted from where its part begins."""
    lengths = [len(part) for part in parts]
    return np.concatenate(parts) + np.repeat(begins, lengths) if any(lengths) else NO_BREAKS
