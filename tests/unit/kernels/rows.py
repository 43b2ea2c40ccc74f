"""Rows with values of all sizes, and the same rows somewhere else in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.models.layout import Layout

if TYPE_CHECKING:
    from joule.models.layout import Rows

SIZES = [0, 1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000]
"""Around the lengths at which the loops in C change their ways."""

WIDTHS = [1, 2, 3, 5, 8, 17]


def random_rows(
    random: np.random.Generator, datatype: str, width: int, count: int, largest: float = 1e30
) -> Rows:
    """Rows with rising times and any values, the extremes among them."""
    rows = np.zeros(count, dtype=Layout(datatype, width).dtype)
    rows["timestamp"] = -(10**6) + np.cumsum(random.integers(1, 1000, count))
    kind = np.dtype(datatype)
    if kind.kind == "f":
        largest = min(largest, float(np.finfo(kind).max))
        rows["data"] = random.uniform(-1, 1, (count, width)) * largest
        return rows
    limits = np.iinfo(kind)
    rows["data"] = random.integers(limits.min, limits.max, (count, width), kind, endpoint=True)
    if count:
        rows["data"][random.integers(count)] = limits.min
        rows["data"][random.integers(count)] = limits.max
    return rows


def moved(rows: Rows, offset: int) -> Rows:
    """Give the same rows at an address that is no multiple of anything, at the end of a buffer."""
    buffer = np.empty(offset + rows.nbytes, np.uint8)
    buffer[offset:] = rows.view(np.uint8)
    return buffer[offset:].view(rows.dtype)
