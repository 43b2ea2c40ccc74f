"""The layout of a stream's rows: ``float32_3`` and the numpy dtype behind it.

A row on the wire, in a pipe and in a chunk is the same packed record: an ``int64`` timestamp in
UNIX microseconds followed by ``width`` values of one datatype, little-endian, without padding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BytesLike: TypeAlias = "bytes | bytearray | memoryview"

Packed: TypeAlias = "NDArray[np.uint8]"
"""Whole rows as bytes; numpy copies these many times faster than structured arrays."""

Rows: TypeAlias = np.ndarray[Any, np.dtype[np.void]]
"""``(n,)`` structured array: ``timestamp`` ``<i8`` in UNIX us, ``data`` ``(width,)`` values."""

_LAYOUT = re.compile(r"^(float|int|uint)(\d+)_(\d+)$")
_SIZES = {"float": (16, 32, 64), "int": (8, 16, 32, 64), "uint": (8, 16, 32, 64)}


@dataclass(frozen=True)
class Layout:
    """Datatype and number of elements of a stream, for example ``Layout("float32", 3)``."""

    datatype: str
    width: int

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read ``<datatype>_<width>``; ``ValueError`` when it is not a layout."""
        return _parse(text)

    def __str__(self) -> str:
        return f"{self.datatype}_{self.width}"

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """The packed record: ``timestamp`` ``<i8`` and ``data`` ``(width,)``."""
        value = np.dtype(self.datatype).newbyteorder("<")
        return np.dtype([("timestamp", "<i8"), ("data", value, (self.width,))])

    @property
    def row_bytes(self) -> int:
        """Size of one packed row."""
        return self.dtype.itemsize

    @cached_property
    def decimated(self) -> Layout:
        """Layout of decimated rows: all means, then all minima, then all maxima as float32."""
        return Layout("float32", 3 * self.width)

    def empty(self) -> Rows:
        """No rows, in this layout."""
        return np.empty(0, dtype=self.dtype)

    def view(self, data: BytesLike) -> Rows:
        """Whole packed rows as a read-only array over the same memory."""
        return np.frombuffer(data, dtype=self.dtype)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Layout:
    match = _LAYOUT.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"bad layout: [{text}]")
    kind, bits, width = match[1], int(match[2]), int(match[3])
    if bits not in _SIZES[kind] or width < 1:
        raise ValueError(f"bad layout: [{text}]")
    return Layout(f"{kind}{bits}", width)


def packed(rows: Rows) -> Packed:
    """Give the bytes of rows; a view of the same memory when they lie in one piece."""
    return np.ascontiguousarray(rows).view(np.uint8)


def copied(rows: Rows) -> Rows:
    """Give the same rows in memory of their own.

    Copied as bytes: numpy takes some twenty times longer for records with an array inside.
    """
    return packed(rows).copy().view(rows.dtype)


def joined(parts: Sequence[Rows]) -> Rows:
    """Give rows of one layout behind one another, at least one part; copied as bytes."""
    return np.concatenate([packed(part) for part in parts]).view(parts[0].dtype)


def compute_dtype(layout: str) -> np.dtype[np.void]:
    """Give the structured dtype of a layout text such as ``int16_3``."""
    return Layout.parse(layout).dtype


def interval_token(layout: str) -> Rows:
    """Give the one row, all zeros, that marks the end of an interval on the wire."""
    return np.zeros(1, dtype=Layout.parse(layout).dtype)


def find_interval_token(data: bytes, layout: str) -> tuple[int, int] | None:
    """Find the byte bounds of the first row-aligned interval token in ``data``, if there is one."""
    kind = Layout.parse(layout)
    whole = len(data) // kind.row_bytes
    rows = kind.view(memoryview(data)[: whole * kind.row_bytes])
    tokens = find_tokens(rows)
    if not len(tokens):
        return None
    start = int(tokens[0]) * kind.row_bytes
    return start, start + kind.row_bytes


def find_tokens(rows: Rows) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Give the indices of the rows that are interval tokens (timestamp and all values zero)."""
    candidates = np.flatnonzero(rows["timestamp"] == 0)
    if not len(candidates):
        return candidates
    return candidates[~rows["data"][candidates].any(axis=1)]


def flat(rows: Rows) -> np.ndarray[Any, np.dtype[Any]]:
    """Copy rows into ``(n, 1 + width)``, timestamps in column 0: float64, or int64 for integers."""
    values = rows["data"]
    table = np.empty(
        (len(rows), 1 + values.shape[1]), np.float64 if values.dtype.kind == "f" else np.int64
    )
    table[:, 0] = rows["timestamp"]
    table[:, 1:] = values
    return table
