"""Tail records as bytes: the rows of one group commit, with all that is needed to replay them.

A record is checked as a whole: one that does not match its checksum counts as not written. The
layout of the bytes is in ``docs/storage-format.md``.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.errors import StorageDamagedError
from joule.models.layout import Layout
from joule.storage.embedded.codec import decode, encode
from joule.storage.embedded.stretch import NO_BREAKS, Stretch
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKSUM: Final = struct.Struct("<I")
ENTRY: Final = struct.Struct("<qBBHIII")
"""Stream id, datatype, flags, width, number of rows, number of breaks, bytes of the rows."""

DECIMATE: Final = 1
"""Flag: the stream stores groups."""
COMPRESSED: Final = 2
"""Flag: the rows are encoded as in a chunk, otherwise they are packed records."""
PACKED_BYTES_MAX: Final = 4096
"""Rows of more bytes are compressed: it costs less than writing them as they are."""

DATATYPES: Final = (
    "float64",
    "float32",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "float16",
)
"""The number of a datatype is its place here: only ever add at the end."""


def encode_record(entries: Sequence[tuple[StreamRef, Stretch]]) -> bytes:
    """Give the bytes of a record with these rows; each stream is in it once."""
    parts: list[bytes] = []
    for stream, stretch in entries:
        parts += _parts(stream, stretch)
    body = b"".join(parts)
    return CHECKSUM.pack(zlib.crc32(body)) + body


def _parts(stream: StreamRef, stretch: Stretch) -> tuple[bytes, bytes, bytes]:
    compressed = stretch.rows.nbytes > PACKED_BYTES_MAX
    rows = encode(stretch.rows) if compressed else stretch.rows.tobytes()
    flags = DECIMATE * stream.decimate | COMPRESSED * compressed
    kind = DATATYPES.index(stream.layout.datatype)
    counts = (len(stretch), len(stretch.breaks), len(rows))
    header = ENTRY.pack(stream.id, kind, flags, stream.layout.width, *counts)
    breaks = stretch.breaks.astype("<u4").tobytes() if len(stretch.breaks) else b""
    return header, breaks, rows


def decode_record(data: bytes) -> list[tuple[StreamRef, Stretch]]:
    """Give the rows of a record; ``StorageDamagedError`` when it is not whole."""
    body = memoryview(data)[CHECKSUM.size :]
    if len(data) < CHECKSUM.size or CHECKSUM.unpack_from(data)[0] != zlib.crc32(body):
        raise StorageDamagedError("a tail record does not match its checksum")
    return list(_entries(body))


def _entries(body: memoryview) -> Iterator[tuple[StreamRef, Stretch]]:
    at = 0
    while at < len(body):
        stream, kind, flags, width, count, breaks, size = ENTRY.unpack_from(body, at)
        layout = _layout(kind, width)
        at += ENTRY.size
        indices = NO_BREAKS
        if breaks:
            indices = np.frombuffer(body, "<u4", breaks, at).astype(np.intp)
            at += 4 * breaks
        if flags & COMPRESSED:
            rows = decode(body[at : at + size], layout.dtype)
        else:
            rows = np.frombuffer(body, layout.dtype, count, at)
        at += size
        yield StreamRef(stream, layout, bool(flags & DECIMATE)), Stretch(rows, indices)


@lru_cache(maxsize=256)
def _layout(kind: int, width: int) -> Layout:
    return Layout(DATATYPES[kind], width)  # kept, since making its dtype takes a while
