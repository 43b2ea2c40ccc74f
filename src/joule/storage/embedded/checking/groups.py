"""The groups of a pyramid, derived from raw rows alone.

Written for the check and on purpose not in terms of the engine's own decimation: what both agree
on is not one mistake made twice. Means are compared within rounding, everything else exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from joule.storage.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joule.models.layout import Layout, Rows

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

LEVELS: Final = (64, 1024, 16384)
MEAN_TOLERANCE: Final = 1e-9
"""Largest difference of a mean, as a part of the largest value in its group."""
TIME_TOLERANCE_US: Final = 2
"""Each level rounds down the mean of the one below: the third may be this much early."""


def pyramid_faults(
    stored: Mapping[int, bytes], rows: Rows, breaks: Array, layout: Layout
) -> Iterator[str]:
    """Compare the stored levels of a chunk with its rows; one line for each level at fault."""
    if sorted(stored) != list(LEVELS):
        yield f"decimated levels {sorted(stored)} are stored, not {list(LEVELS)}"
    for level in LEVELS:
        if level in stored:
            records = decode(stored[level], _record(layout))
            fault = _level_fault(records, rows, _group_starts(len(rows), breaks, level))
            if fault is not None:
                yield f"decimated by {level}: {fault}"


def _record(layout: Layout) -> np.dtype[Any]:
    value = layout.dtype["data"].base
    vector = (layout.width,)
    names = ("timestamp", "count", "mean", "minimum", "maximum")
    return np.dtype(
        list(
            zip(
                names,
                ["<i8", "<u4", ("<f8", vector), (value, vector), (value, vector)],
                strict=True,
            )
        )
    )


def _group_starts(length: int, breaks: Array, level: int) -> Array:
    """Give the rows that begin a group: each row ``k * level`` rows behind a break."""
    index = np.arange(length)
    run_start = np.zeros(length, dtype=np.int64)
    run_start[breaks] = breaks
    run_start = np.maximum.accumulate(run_start)
    return np.flatnonzero((index - run_start) % level == 0)


def _level_fault(records: Array, rows: Rows, starts: Array) -> str | None:
    if len(records) != len(starts):
        return f"{len(records)} groups instead of {len(starts)}"
    count = np.diff(np.append(starts, len(rows)))
    values = rows["data"]
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    checks = (
        ("count", records["count"] == count),
        ("time", _times_fit(records["timestamp"], rows["timestamp"], starts, count)),
        ("minimum", _same(records["minimum"], low)),
        ("maximum", _same(records["maximum"], high)),
        ("mean", _means_fit(records["mean"], values, starts, count, low, high)),
    )
    for name, good in checks:
        if not good.all():
            at = starts[int(np.argmin(good))]
            return f"wrong {name} in the group at {int(rows['timestamp'][at])}"
    return None


def _times_fit(stored: Array, times: Array, starts: Array, count: Array) -> Array:
    first = times[starts]
    # Unsigned and then wider: a chunk may span more time than a signed number counts.
    offsets = (times - np.repeat(first, count)).astype(np.uint64).astype(np.longdouble)
    mean = np.add.reduceat(offsets, starts) / count
    early = mean - (stored - first).astype(np.longdouble)
    slack = mean * np.longdouble(1e-15)  # of the sum here; what is stored is exact
    good: Array = (early >= -slack) & (early < 1 + TIME_TOLERANCE_US + slack)
    return good


def _same(stored: Array, expected: Array) -> Array:
    good: Array = ((stored == expected) | ((stored != stored) & (expected != expected))).all(axis=1)
    return good


def _means_fit(
    stored: Array, values: Array, starts: Array, count: Array, low: Array, high: Array
) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
        # Divided first: a sum of the largest numbers would not fit.
        parts = values.astype(np.float64) / np.repeat(count, count)[:, None]
        mean = np.add.reduceat(parts, starts, axis=0)
        near = np.abs(stored - mean) <= MEAN_TOLERANCE * size
    # The engine sums first, so a mean of the very largest numbers may be infinite there.
    beyond = ~np.isfinite(stored) & (
        size >= np.finfo(np.float64).max / np.maximum(count, 1)[:, None]
    )
    good: Array = (near | beyond | (np.isnan(stored) & np.isnan(mean))).all(axis=1)
    return good
