"""The kernels in numpy: what they mean, and what runs where the C ones could not be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.kernels.results import Findings, Sums

if TYPE_CHECKING:
    from joule.kernels.results import Array, Bytes, Readable


def shuffle(records: Readable, size: int) -> Bytes:
    """Transpose records of ``size`` bytes: all first bytes, then all second ones, and so on."""
    return _as_records(records, size).T.ravel()


def unshuffle(planes: Readable, size: int) -> Bytes:
    """Undo :func:`shuffle`."""
    count = len(_as_records(planes, size))
    columns = np.frombuffer(planes, np.uint8).reshape(size, count)
    records = np.empty((count, size), dtype=np.uint8)
    if count < size:
        records[:] = columns.T
    else:
        # One strided copy per byte of the record is five times faster than numpy's transpose.
        for i in range(size):
            records[:, i] = columns[i]
    return records.reshape(-1)


def group(rows: Array, starts: Array) -> Sums:
    """Reduce ``(n,)`` rows from each index in ``starts`` up to the next one.

    ``starts`` is ``(g,)``, strictly increasing below ``n``, and begins with 0 unless it is empty.
    """
    times = rows["timestamp"]
    # Contiguous columns: numpy reduces these several times faster than the packed records.
    values = np.ascontiguousarray(rows["data"].T)
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    if not len(starts):
        none = values[:, :0].T
        return Sums(np.empty(0, np.int64), none, none, none.astype(kind))
    with np.errstate(over="ignore", invalid="ignore"):
        return Sums(
            np.add.reduceat(times - times[0], starts),
            np.minimum.reduceat(values, starts, axis=1).T,
            np.maximum.reduceat(values, starts, axis=1).T,
            np.add.reduceat(values, starts, axis=1, dtype=kind).T,
        )


def check(rows: Array) -> Findings:
    """Find the first of ``(n,)`` rows that is not later than the one before it or not finite."""
    # A contiguous copy: comparing the strided column twice costs more.
    times = np.ascontiguousarray(rows["timestamp"])
    falls = np.flatnonzero(times[1:] <= times[:-1])
    falling = int(falls[0]) + 1 if len(falls) else None
    if rows["data"].dtype.kind != "f":
        return Findings(falling, None)
    finite = np.isfinite(rows["data"])
    if finite.all():
        return Findings(falling, None)
    return Findings(falling, int(np.argmin(finite.all(axis=1))))


def _as_records(data: Readable, size: int) -> Bytes:
    if size < 1 or len(data) % size:
        raise ValueError("the bytes are not a whole number of records")
    return np.frombuffer(data, np.uint8).reshape(len(data) // size, size)
