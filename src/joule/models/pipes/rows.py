"""What may be written to a pipe, and how it becomes rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import PipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joule.models.layout import Layout, Rows

_WRONG_TYPE = "invalid data type must be a structured array or 2D matrix"


def as_rows(data: object, layout: Layout) -> Rows:
    """Make contiguous ``(n,)`` rows of ``layout`` out of what a user writes.

    Takes a structured array of exactly the layout's dtype (returned as it is when contiguous), a
    2-D array with timestamps in UNIX us in column 0, or a list of such rows. Raises ``PipeError``
    for anything else.
    """
    if isinstance(data, np.ndarray) and data.ndim == 1 and data.dtype.names is not None:
        return _check_structured(data, layout)
    columns = matrix(data)
    if not columns.size:
        return layout.empty()
    if columns.shape[1] != layout.width + 1:
        raise PipeError("wrong number of fields for this data type")
    rows = np.empty(len(columns), layout.dtype)
    try:
        rows["timestamp"] = columns[:, 0]
        rows["data"] = columns[:, 1:]
    except (TypeError, ValueError, OverflowError) as error:
        raise PipeError(_WRONG_TYPE) from error
    return rows


def matrix(data: object) -> NDArray[Any]:
    """Give a 2-D array, or a list of rows, or a list that is one row, as a 2-D array."""
    if isinstance(data, (list, tuple)):
        return _from_list(data)
    if not isinstance(data, np.ndarray) or (data.ndim < 2 and data.size):
        raise PipeError(_WRONG_TYPE)
    if not data.size:
        return np.empty((0, 0))
    if data.ndim != 2:
        raise PipeError("wrong number of dimensions in array")
    return data


def _check_structured(data: NDArray[Any], layout: Layout) -> Rows:
    if data.dtype != layout.dtype:
        raise PipeError(
            f"wrong dtype for 1D (structured) array[{data.dtype}] != req type [{layout.dtype}]"
        )
    return np.ascontiguousarray(data)


def _from_list(data: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    try:
        # Objects keep 64-bit integers exact, which a detour over float64 would not.
        rows = np.array(data, dtype=object)
    except ValueError as error:
        raise PipeError(_WRONG_TYPE) from error
    if rows.ndim == 1 and not any(isinstance(item, (list, tuple, np.ndarray)) for item in data):
        rows = rows.reshape(1, -1)  # a single row: [timestamp, value, ...]
    return matrix(rows)
