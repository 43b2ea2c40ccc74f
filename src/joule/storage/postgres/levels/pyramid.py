"""The levels of Joule 1.0 made from rows: pure functions on arrays.

A group holds four neighbours of the level below, which lie in one interval; what are fewer than
four at its end wait for more, and are in no group when none come. A group is kept as a decimated
row: the mean of the four timestamps, rounded down, then all means, all minima and all maxima as
float32. From the second level on these are the mean of the means, the minimum of the minima and
the maximum of the maxima.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from joule.models.decimation import FACTOR, Groups, reduce_at
from joule.models.layout import copied, joined
from joule.storage.stretch import NO_BREAKS, Stretch, group_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joule.models.decimation import Starts
    from joule.models.layout import Layout, Rows


Waiting: TypeAlias = "tuple[Rows, ...]"
"""What is in no group yet, at most three of each level: rows first, then groups of four and so on.

Levels that have nothing yet may be missing at the end.
"""


class Grown(NamedTuple):
    """The new groups of level 4, of level 16 and so on, the last ones none; and what waits now."""

    groups: list[Rows]
    waiting: Waiting


def grow(rows: Stretch, waiting: Waiting, layout: Layout) -> Grown:
    """Make the groups that are complete with the rows that follow on what waits."""
    groups: list[Rows] = []
    left_over = list(waiting)
    neighbours, number = rows, 0
    while len(neighbours) or (len(neighbours.breaks) and number < len(left_over)):
        if number == len(left_over):
            left_over.append(neighbours.rows[:0])
        together = _behind(left_over[number], neighbours)
        neighbours, left_over[number] = _grouped(together, layout, of_rows=number == 0)
        groups.append(neighbours.rows)
        number += 1
    return Grown(groups, tuple(left_over))


def _behind(waiting: Rows, neighbours: Stretch) -> Stretch:
    """Put neighbours behind those that wait; a break between them means that those wait in vain."""
    if not len(waiting) or neighbours.starts_interval:
        return neighbours
    return Stretch(joined([waiting, neighbours.rows]), neighbours.breaks + len(waiting))


def _grouped(neighbours: Stretch, layout: Layout, *, of_rows: bool) -> tuple[Stretch, Rows]:
    """Give the groups of a level below, the breaks among and behind them, and what is left over."""
    if not len(neighbours.breaks):
        return _grouped_unbroken(neighbours.rows, layout, of_rows=of_rows)
    rows, breaks = neighbours.rows, neighbours.breaks
    starts = group_starts(len(rows), breaks, FACTOR)
    is_whole = np.diff(starts, append=len(rows)) == FACTOR
    groups = _reduced(rows, starts, layout, of_rows=of_rows)[is_whole]
    last_run = int(breaks[-1])
    left_over = copied(rows[len(rows) - (len(rows) - last_run) % FACTOR :])
    moved = np.unique(np.searchsorted(starts[is_whole], breaks))
    return Stretch(groups, moved), left_over


def _grouped_unbroken(rows: Rows, layout: Layout, *, of_rows: bool) -> tuple[Stretch, Rows]:
    """Do the same for rows without a break, most of them: few rows cost little time."""
    end = len(rows) - len(rows) % FACTOR
    if end:
        groups = _reduced(rows[:end], np.arange(0, end, FACTOR), layout, of_rows=of_rows)
    else:
        groups = layout.decimated.empty()
    return Stretch(groups, NO_BREAKS), copied(rows[end:])


def _reduced(rows: Rows, starts: Starts, layout: Layout, *, of_rows: bool) -> Rows:
    with np.errstate(all="ignore"):  # infinities are values like others
        return _summed(reduce_at(rows, starts), layout.width, of_rows=of_rows).to_rows()


def _summed(groups: Groups, width: int, *, of_rows: bool) -> Groups:
    if of_rows:
        return groups
    means, minima, maxima = (slice(i * width, (i + 1) * width) for i in range(3))
    return Groups(
        groups.timestamp,
        groups.mean[:, means],
        groups.minimum[:, minima],
        groups.maximum[:, maxima],
        groups.count,
    )


def to_groups(rows: Rows, layout: Layout, level: int) -> Groups:
    """Give rows of a level as groups of a stream's own datatype, saturated where it ends.

    Those of level 1 are the stream's rows.
    """
    if level == 1:
        return reduce_at(rows, np.arange(len(rows)))
    width, value = layout.width, layout.dtype["data"].base
    data = rows["data"]
    return Groups(
        rows["timestamp"],
        data[:, :width].astype(np.float64),
        saturated(data[:, width : 2 * width], value),
        saturated(data[:, 2 * width :], value),
        np.full(len(rows), level, dtype=np.int64),
    )


def saturated(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give floats in another datatype; what an integer cannot hold becomes its extreme."""
    with np.errstate(invalid="ignore"):
        found = values.astype(dtype)
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        found[values >= float(limits.max)] = limits.max
        found[values <= float(limits.min)] = limits.min
    return found
