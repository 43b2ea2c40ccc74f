"""Decimation: groups of consecutive rows and their mean, minimum and maximum.

Pure functions on arrays. Nothing here knows of intervals: a caller that has breaks between rows
passes the places where groups start, so that no group spans a break. Minima and maxima keep the
datatype of the stream and so are exact at every level; means are held in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from joule import kernels
from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.layout import Rows

FACTOR = 4
"""Each decimation level has this many times fewer rows than the one before."""

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Starts: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True, eq=False)
class Groups:
    """``g`` groups of consecutive rows of a stream with ``n`` elements.

    ``timestamp`` is ``(g,)`` int64, the mean of the rows' timestamps rounded down; ``mean`` is
    ``(g, n)`` float64, ``minimum`` and ``maximum`` are ``(g, n)`` in the stream's value dtype,
    ``count`` is ``(g,)`` int64, the number of rows in the group. ``len()`` is ``g``, a slice gives
    views of the arrays.
    """

    timestamp: Array
    mean: Array
    minimum: Array
    maximum: Array
    count: Array

    def __len__(self) -> int:
        return len(self.timestamp)

    def __getitem__(self, part: slice) -> Groups:
        return Groups(
            self.timestamp[part],
            self.mean[part],
            self.minimum[part],
            self.maximum[part],
            self.count[part],
        )

    def to_rows(self) -> Rows:
        """Give ``(g,)`` rows of the decimated layout: all means, all minima, all maxima.

        The values are rounded to float32, those out of its range become infinite.
        """
        width = self.mean.shape[1]
        rows = np.empty(len(self), dtype=Layout("float32", 3 * width).dtype)
        rows["timestamp"] = self.timestamp
        with np.errstate(over="ignore"):
            rows["data"][:, :width] = self.mean
            rows["data"][:, width : 2 * width] = self.minimum
            rows["data"][:, 2 * width :] = self.maximum
        return rows


def level_for(rows: int, max_rows: int) -> int:
    """Give the smallest level, a power of 4, at which ``rows`` become at most ``max_rows``."""
    if max_rows < 1:
        raise ValueError(f"max_rows must be at least 1, not {max_rows}")
    level = 1
    while level * max_rows < rows:
        level *= FACTOR
    return level


def reduce(rows: Rows, factor: int) -> Groups:
    """Group every ``factor`` consecutive rows; the last group may hold fewer."""
    return reduce_at(rows, np.arange(0, len(rows), factor))


def reduce_at(rows: Rows, starts: Starts) -> Groups:
    """Group rows from each index in ``starts`` up to the next one.

    ``starts`` is ``(g,)``, strictly increasing, and begins with 0 unless there are no rows.
    """
    sums = kernels.group(rows, starts)
    if not len(starts):
        mean = sums.total.astype(np.float64)
        return Groups(sums.time, mean, sums.minimum, sums.maximum, sums.time)
    count = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=count[:-1])
    count[-1] = len(rows) - starts[-1]
    total = sums.total
    if total.dtype.kind == "i" and _might_wrap(sums, count):
        total = np.add.reduceat(rows["data"], starts, axis=0, dtype=np.float64)
    times = rows["timestamp"]
    if _fits(times, count):
        timestamp = sums.time // count + times[0]
    else:
        timestamp = _exact_mean_time(times, np.ones(len(rows), np.int64), starts, count)
    return Groups(timestamp, total / count[:, None], sums.minimum, sums.maximum, count)


def regroup(groups: Groups, factor: int) -> Groups:
    """Join every ``factor`` consecutive groups; means are weighted by count."""
    return regroup_at(groups, np.arange(0, len(groups), factor))


def regroup_at(groups: Groups, starts: Starts) -> Groups:
    """Join groups from each index in ``starts`` up to the next one; as :func:`reduce_at`."""
    if len(starts) in (0, len(groups)):
        return groups[: len(starts)]
    count = np.add.reduceat(groups.count, starts)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(groups.mean * groups.count[:, None], starts, axis=0)
    times, weights = groups.timestamp, groups.count
    if _fits(times, count):
        timestamp = np.add.reduceat((times - times[0]) * weights, starts) // count + times[0]
    else:
        timestamp = _exact_mean_time(times, weights, starts, count)
    return Groups(
        timestamp,
        total / count[:, None],
        np.minimum.reduceat(groups.minimum, starts, axis=0),
        np.maximum.reduceat(groups.maximum, starts, axis=0),
        count,
    )


def concat(parts: Sequence[Groups]) -> Groups:
    """Give the groups of all parts, one after the other; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    return Groups(
        np.concatenate([part.timestamp for part in parts]),
        np.concatenate([part.mean for part in parts]),
        np.concatenate([part.minimum for part in parts]),
        np.concatenate([part.maximum for part in parts]),
        np.concatenate([part.count for part in parts]),
    )


def _might_wrap(sums: kernels.Sums, count: Array) -> bool:
    """Integers are summed as integers unless the sum might not fit."""
    largest = max(-int(sums.minimum.min()), int(sums.maximum.max()))
    return largest * int(count.max()) >= 2**63


def _fits(times: Array, count: Array) -> bool:
    """Say whether the sums of ``count`` increasing times, counted from the first, fit."""
    return (int(times[-1]) - int(times[0])) * int(count.max()) < 2**63


def _exact_mean_time(times: Array, weights: Array, starts: Starts, count: Array) -> Array:
    """Weighted mean of times, rounded down: slow but right for centuries of rows in one group."""
    means: Array = np.add.reduceat(times.astype(object) * weights, starts) // count.astype(object)
    return means.astype(np.int64)
