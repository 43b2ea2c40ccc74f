"""Finding the usable rows in a block that was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from joule.models.layout import Rows


def usable_runs(rows: Rows, previous: int | None = None) -> list[Rows]:
    """Cut ``(n,)`` rows into runs without the unusable ones; views, in order.

    Unusable are rows with NaN or infinity in them, and rows not later than the usable row right
    before them (before the first: ``previous``). Judging by the neighbour alone, a clock that
    jumped costs one row, not all rows until the time of the jump is reached again.
    """
    finite = np.ones(len(rows), bool)
    if rows["data"].dtype.kind == "f":
        finite = np.isfinite(rows["data"]).all(axis=1)
    usable = finite.copy()
    stamps = rows["timestamp"][finite]
    first = np.iinfo(np.int64).min if previous is None else previous
    usable[finite] = stamps > np.concatenate(([first], stamps))[:-1]
    edges = np.flatnonzero(np.diff(usable, prepend=False, append=False))
    return [rows[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
