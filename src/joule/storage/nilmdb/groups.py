"""The form of decimated rows at the server: means, minima and maxima of exactly ``level`` rows.

All values are float32 there, whatever the stream's datatype is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.models.decimation import Groups

if TYPE_CHECKING:
    from joule.models.decimation import Array
    from joule.models.layout import Layout, Rows


def as_groups(rows: Rows, layout: Layout, level: int) -> Groups:
    """Give decimated rows of a stream with this layout as groups; integers are held in range."""
    width = layout.width
    data = rows["data"]
    count = np.full(len(rows), level, dtype=np.int64)
    return Groups(
        rows["timestamp"],
        data[:, :width].astype(np.float64),
        _as_values(data[:, width : 2 * width], layout),
        _as_values(data[:, 2 * width :], layout),
        count,
    )


def _as_values(data: Array, layout: Layout) -> Array:
    kind = layout.dtype["data"].base
    if kind.kind == "f":
        return data.astype(kind)
    limits = np.iinfo(kind)
    highest = float(limits.max)
    if highest > limits.max:  # of 64 bits: the next value that a float can hold
        highest = float(np.nextafter(highest, 0))
    return np.clip(np.rint(data.astype(np.float64)), limits.min, highest).astype(kind)
