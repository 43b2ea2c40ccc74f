"""What rows must be like to be accepted; the rows themselves are looked through in the kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule import kernels
from joule.errors import DataError
from joule.models.intervals import MAX_TIME
from joule.models.layout import copied

if TYPE_CHECKING:
    from joule.models.layout import Layout, Rows


def check_rows(rows: Rows, layout: Layout, after: int | None, name: str) -> None:
    """Raise ``DataError`` naming stream and rule unless ``rows`` can be stored.

    ``rows`` is ``(n,)`` with ``n >= 1`` in the dtype of ``layout``; timestamps strictly increase,
    the first is later than ``after`` (None: no limit) and the last before ``MAX_TIME``, at which
    every range ends; floating point values are finite.
    """
    if rows.dtype != layout.dtype:
        raise DataError(f"wrong layout for stream [{name}], it has {layout}")
    times = rows["timestamp"]
    if after is not None and times[0] <= after:
        raise _not_monotonic(name, int(times[0]), after)
    falling, infinite = kernels.check(rows)
    if falling is not None:
        raise _not_monotonic(name, int(times[falling]), int(times[falling - 1]))
    if times[-1] == MAX_TIME:
        raise DataError(
            f"Invalid timestamp in new data to stream [{name}] ({MAX_TIME} is beyond every range)"
        )
    if infinite is not None:
        raise _not_finite(name, rows[infinite])


def _not_monotonic(name: str, later: int, earlier: int) -> DataError:
    return DataError(
        f"Non-monotonic timestamps in new data to stream [{name}] ({later}<={earlier})"
    )


def _not_finite(name: str, row: np.void) -> DataError:
    what = "NaN" if np.isnan(row["data"]).any() else "infinity"
    return DataError(
        f"Invalid values ({what}) in new data to stream [{name}] "
        f"at timestamp {int(row['timestamp'])}"
    )


def owned(rows: Rows) -> Rows:
    """Give the same rows in memory that nobody else can change.

    Rows that lie over ``bytes`` are given as they are, unless they would keep alive far more than
    themselves; all others are copied.
    """
    memory = rows.base
    while isinstance(memory, np.ndarray):
        memory = memory.base
    if isinstance(memory, memoryview):
        memory = memory.obj
    if isinstance(memory, bytes) and len(memory) <= 2 * rows.nbytes:
        return rows
    return copied(rows)


def pieces(rows: Rows, bytes_max: int) -> list[Rows]:
    """Cut rows into views of at most ``bytes_max`` (at least one row each)."""
    step = max(1, bytes_max // rows.dtype.itemsize)
    return [rows[start : start + step] for start in range(0, len(rows), step)]
