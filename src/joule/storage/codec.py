"""Rows as bytes: a small header with a checksum, and the shuffled, compressed records.

The bytes of all records are transposed as a whole (all first bytes, then all second bytes, and so
on) and compressed with zstd: the high bytes of timestamps, being nearly constant, vanish without
any per-type transform. The layout of the bytes is in ``docs/storage-format.md``.
"""

from __future__ import annotations

import struct
import threading
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import zstandard

from joule import kernels
from joule.errors import StorageDamagedError, StorageFormatError
from joule.storage.columns import decode_columns, encode_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.kernels import Bytes
    from joule.models.layout import Rows

PLAIN: Final = 0
"""Encoding: packed records as they are."""
SHUFFLED: Final = 1
"""Encoding: records byte-transposed as a whole, then one zstd frame."""

COLUMNS: Final = 2
"""Encoding: the columns of rows, each compressed with pcodec."""

_HEADER: Final = struct.Struct("<BxxxII")
"""Encoding, bytes of a record, number of records; a CRC-32 of header and body follows."""
_CHECKSUM: Final = struct.Struct("<I")
_BODY: Final = _HEADER.size + _CHECKSUM.size
PLAIN_BYTES_MAX: Final = 256
"""What is shorter than this is not worth a zstd frame."""

SLOW_STEP_US: Final = 100_000
"""Records that come further apart than this, on average, are compressed more thoroughly.

Half the work, and the same size, for what a converter of some resolution measures many times a
second. What comes slowly is often a rounded number: a fifth larger that way, and it never comes
often enough for the work to matter.
"""

_local = threading.local()


class _Coders:
    """Compressors and decompressor of one thread: sharing them between threads is not safe."""

    def __init__(self) -> None:
        self.compress_fast = zstandard.ZstdCompressor(level=-1).compress
        self.compress_slow = zstandard.ZstdCompressor(level=1).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


def _coders() -> _Coders:
    coders: _Coders | None = getattr(_local, "coders", None)
    if coders is None:
        coders = _local.coders = _Coders()
    return coders


def encode(records: Rows) -> bytes:
    """Give the bytes to store for ``(n,)`` packed records, ``n >= 1``, in order of time."""
    size = records.dtype.itemsize
    packed = np.ascontiguousarray(records).view(np.uint8)
    if packed.nbytes <= PLAIN_BYTES_MAX:
        return _framed(PLAIN, size, len(records), packed.tobytes())
    coders = _coders()
    compress = coders.compress_slow if _is_slow(records) else coders.compress_fast
    return _framed(SHUFFLED, size, len(records), compress(kernels.shuffle(packed, size).data))


def encode_cold(rows: Rows) -> bytes | None:
    """Give the bytes to store for ``(n,)`` old rows, smaller and slower; None where it cannot."""
    body = encode_columns(rows)
    return None if body is None else _framed(COLUMNS, rows.dtype.itemsize, len(rows), body)


def decode(data: bytes | memoryview, dtype: np.dtype[Any]) -> Rows:
    """Give the read-only records that :func:`encode` was given.

    Raises ``StorageDamagedError`` when the checksum or a length does not hold and
    ``StorageFormatError`` when the encoding is not known to this version.
    """
    encoding, count, body = _checked(data, dtype.itemsize)
    if encoding == PLAIN:
        return _records(body, dtype, count)
    if encoding == SHUFFLED:
        planes = _decompressed(body, dtype.itemsize * count)
        return _records(kernels.unshuffle(planes, dtype.itemsize), dtype, count)
    if encoding == COLUMNS:
        rows = decode_columns(body, dtype, count)
        rows.flags.writeable = False
        return rows
    raise StorageFormatError(f"rows are stored in encoding {encoding}: install a newer Joule")


def decode_plain(parts: Sequence[bytes], dtype: np.dtype[Any]) -> Rows | None:
    """Give the records of many short encodings at once.

    None when one of them is not plain or not whole: decoding one by one says which and why.
    """
    bodies = []
    for data in parts:
        if len(data) < _BODY:
            return None
        encoding, size, count = _HEADER.unpack_from(data)
        (checksum,) = _CHECKSUM.unpack_from(data, _HEADER.size)
        body = data[_BODY:]
        whole = len(body) == count * size and size == dtype.itemsize
        matches = zlib.crc32(body, zlib.crc32(data[: _HEADER.size])) == checksum
        if encoding != PLAIN or not whole or not matches:
            return None
        bodies.append(body)
    return np.frombuffer(b"".join(bodies), dtype=dtype)


def _is_slow(records: Rows) -> bool:
    times = records["timestamp"]
    return int(times[-1]) - int(times[0]) > len(times) * SLOW_STEP_US


def _framed(encoding: int, size: int, count: int, body: bytes) -> bytes:
    header = _HEADER.pack(encoding, size, count)
    return header + _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(header))) + body


def _checked(data: bytes | memoryview, size: int) -> tuple[int, int, memoryview]:
    """Take the header off and verify it: encoding, number of records, body."""
    if len(data) < _BODY:
        raise StorageDamagedError("stored rows are shorter than their header")
    encoding, stored_size, count = _HEADER.unpack_from(data)
    (checksum,) = _CHECKSUM.unpack_from(data, _HEADER.size)
    body = memoryview(data)[_BODY:]
    if zlib.crc32(body, zlib.crc32(data[: _HEADER.size])) != checksum:
        raise StorageDamagedError("stored rows do not match their checksum")
    if stored_size != size:
        raise StorageDamagedError(f"stored records have {stored_size} bytes, the layout has {size}")
    return encoding, count, body


def _decompressed(body: memoryview, length: int) -> bytes:
    try:
        data = _coders().decompress(body, max_output_size=length)
    except zstandard.ZstdError as error:
        raise StorageDamagedError(f"stored rows cannot be decompressed: {error}") from error
    if len(data) != length:
        raise StorageDamagedError(f"stored rows have {len(data)} bytes instead of {length}")
    return data


def _records(data: memoryview | Bytes, dtype: np.dtype[Any], count: int) -> Rows:
    if len(data) != count * dtype.itemsize:
        raise StorageDamagedError(f"stored rows have {len(data)} bytes, not {count} records")
    records = np.frombuffer(data, dtype=dtype)
    records.flags.writeable = False
    return records
