"""The kernels in C: memory for their results, and the few cases that are left to numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.kernels import _native, plain
from joule.kernels.results import Findings, Sums

if TYPE_CHECKING:
    from joule.kernels.results import Array, Bytes, Readable

_TIME = np.dtype("<i8")


def shuffle(records: Readable, size: int) -> Bytes:
    """As in :mod:`joule.kernels.plain`."""
    planes = np.empty(len(records), np.uint8)
    _native.shuffle(records, size, planes)
    return planes


def unshuffle(planes: Readable, size: int) -> Bytes:
    """As in :mod:`joule.kernels.plain`."""
    records = np.empty(len(planes), np.uint8)
    _native.unshuffle(planes, size, records)
    return records


def group(rows: Array, starts: Array) -> Sums:
    """As in :mod:`joule.kernels.plain`; sums of floats may differ in their last bits."""
    value, width = _value(rows)
    if value.str == "<f2" or not width:
        return plain.group(rows, starts)
    shape = (len(starts), width)
    sums = Sums(
        np.empty(len(starts), np.int64),
        np.empty(shape, value),
        np.empty(shape, value),
        np.empty(shape, np.float64 if value.kind == "f" else np.int64),
    )
    indices = np.ascontiguousarray(starts, np.int64)
    _native.group(_packed(rows), value.str[1:], width, indices, *sums)
    if value.kind == "f" and not np.isfinite(sums.total).all():
        return plain.group(rows, starts)  # whatever numpy makes of infinity
    return sums


def check(rows: Array) -> Findings:
    """As in :mod:`joule.kernels.plain`."""
    value, width = _value(rows)
    if not width or not rows.flags.c_contiguous:
        return plain.check(rows)
    falling, infinite = _native.check(_packed(rows), value.str[1:], width)
    count = len(rows)
    return Findings(
        falling if falling < count else None,
        infinite if infinite < count else None,
    )


def _packed(rows: Array) -> Bytes:
    return np.ascontiguousarray(rows).view(np.uint8)


def _value(rows: Array) -> tuple[np.dtype[np.generic], int]:
    """Give dtype and number of the values of a row; 0 of them when it is not a packed one."""
    dtype = rows.dtype["data"]
    value, width = dtype.base, dtype.shape[0]
    is_packed = (
        rows.dtype.itemsize == 8 + width * value.itemsize and rows.dtype["timestamp"] == _TIME
    )
    return value, width if is_packed and value.str[0] != ">" else 0
