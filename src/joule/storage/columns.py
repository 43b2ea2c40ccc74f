"""Rows as bytes, column by column, compressed with pcodec: smaller, at several times the work.

Nothing is written this way unless a node is told to, and then only chunks that have become old.
The package is an extra, ``joule[pcodec]``: without it such rows cannot be read.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.errors import StorageDamagedError, StorageFormatError

try:
    import pcodec
    from pcodec import standalone
except ImportError:
    standalone = None

if TYPE_CHECKING:
    from joule.models.layout import Rows

LEVEL: Final = 4
"""A higher one takes much longer for little."""
_LENGTH: Final = struct.Struct("<I")


def is_available() -> bool:
    """Whether the package is installed."""
    return standalone is not None


def encode_columns(rows: Rows) -> bytes | None:
    """Give the bytes of ``(n,)`` rows, None for values that pcodec does not take: 8-bit ones."""
    if rows.dtype["data"].base.itemsize == 1:
        return None
    config = pcodec.ChunkConfig(compression_level=LEVEL)
    columns = [rows["timestamp"], *rows["data"].reshape(len(rows), -1).T]
    encoded = [standalone.simple_compress(np.ascontiguousarray(c), config) for c in columns]
    return b"".join(_LENGTH.pack(len(column)) + column for column in encoded)


def decode_columns(body: memoryview, dtype: np.dtype[Any], count: int) -> Rows:
    """Give the rows back.

    Raises ``StorageFormatError`` naming the extra without the package, ``StorageDamagedError``
    when the columns are not those of so many rows.
    """
    if standalone is None:
        raise StorageFormatError(
            "rows are stored in encoding pcodec, which is not installed: "
            "install joule[pcodec] to read them"
        )
    rows = np.empty(count, dtype=dtype)
    targets = [rows["timestamp"], *rows["data"].reshape(count, -1).T]
    parts = _parts(body)
    if len(parts) != len(targets):
        raise StorageDamagedError(f"stored rows have {len(parts)} columns, not {len(targets)}")
    for part, target in zip(parts, targets, strict=True):
        target[:] = _column(part, target.dtype, count)
    return rows


def _parts(body: memoryview) -> list[memoryview]:
    """Cut a body into its columns."""
    ends = [0]
    while ends[-1] + _LENGTH.size <= len(body):
        (size,) = _LENGTH.unpack_from(body, ends[-1])
        ends.append(ends[-1] + _LENGTH.size + size)
    if ends[-1] != len(body):
        raise StorageDamagedError("stored columns do not end where they should")
    return [body[start + _LENGTH.size : end] for start, end in pairwise(ends)]


def _column(part: memoryview, dtype: np.dtype[Any], count: int) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        values = standalone.simple_decompress(bytes(part))
    except RuntimeError as error:
        raise StorageDamagedError(f"a stored column cannot be decompressed: {error}") from error
    if values is None or values.dtype != dtype or len(values) != count:
        raise StorageDamagedError("a stored column has other values than the layout")
    return np.asarray(values)
