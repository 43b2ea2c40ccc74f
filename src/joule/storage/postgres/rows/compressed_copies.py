"""Rows as compressed copies and back, without a database."""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.models.intervals import Interval
from joule.storage import codec
from joule.storage.postgres.connection.times import EPOCH_US
from joule.storage.postgres.tables.compressed_table import Copy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joule.models.layout import Layout, Rows
    from joule.storage.postgres.tables.interval_table import Times

COPY_BYTES: Final = 256 * 1024
"""Rows of so many bytes make one copy: a few milliseconds of their table, and 1 of theirs."""

SHARE_WORTH: Final = 0.5
"""So much of a copy is worth the question which of them there are, and decoding one or two."""

_TIME: Final = struct.Struct("!q")


def rows_per_copy(row_bytes: int) -> int:
    """Give the number of rows of so many bytes each in a copy that is full."""
    return max(COPY_BYTES // row_bytes, 1)


def rows_worth(row_bytes: int) -> int:
    """Give the number of rows from which on a reader looks for copies."""
    return math.ceil(SHARE_WORTH * rows_per_copy(row_bytes))


def encode(rows: Rows, start: int) -> list[Copy]:
    """Give the copies of rows that are all there are from ``start`` on, the last one may be small.

    The first one begins at ``start``, each other where the one before ends.
    """
    copies = []
    size = rows_per_copy(rows.itemsize)
    for at in range(0, len(rows), size):
        part = rows[at : at + size]
        end = int(part["timestamp"][-1]) + 1
        copies.append(Copy(Interval(start, end), len(part), codec.encode(part)))
        start = end
    return copies


def decode(
    records: Iterable[Sequence[memoryview]], interval: Interval, layout: Layout
) -> Rows | None:
    """Give the rows in ``[start, end)`` of the bounds and data of copies, in order.

    None unless they are copies of all of it. Raises ``StorageDamagedError`` or
    ``StorageFormatError`` for data that is not what it was.
    """
    parts, position = [], interval.start
    for start, end, data in records:
        if _time(start) > position:
            return None
        parts.append(codec.decode(data, layout.dtype))
        position = _time(end)
    if position < interval.end:
        return None
    rows: Rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
    first, last = np.searchsorted(rows["timestamp"], np.array(interval))
    return rows[first:last]


def grouped(bounds: Times, rows_max: int, row_bytes: int) -> list[Interval]:
    """Give the ranges to read at once, of ``(n, 2)`` bounds of copies in order of time.

    Each is of copies without a hole between them, of up to so many rows, one at least.
    """
    if not len(bounds):
        return []
    starts, ends = bounds.T
    number = np.arange(len(bounds))
    is_apart = np.append(True, starts[1:] > ends[:-1])
    in_run = number - np.maximum.accumulate(np.where(is_apart, number, 0))
    firsts = np.flatnonzero(in_run % max(rows_max // rows_per_copy(row_bytes), 1) == 0)
    lasts = np.append(firsts[1:], len(bounds)) - 1
    return list(map(Interval, starts[firsts].tolist(), ends[lasts].tolist()))


def are_in(ranges: Sequence[Interval], time: int) -> bool:
    """Whether a time lies in one of some ranges that are in order and apart."""
    at = bisect_right(ranges, time, key=lambda one: one.end)
    return at < len(ranges) and ranges[at].start <= time


def _time(data: memoryview) -> int:
    time: int = _TIME.unpack(data)[0]
    return time + EPOCH_US
