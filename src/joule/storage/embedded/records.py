"""Tail records as bytes: the rows of one group commit, with all that is needed to replay them.

A record is checked as a whole, with its number: one that does not match its checksum is not read.
Each entry says how many rows of its stream the records before it hold, so rows that are missing
between two records show. The layout of the bytes is in ``docs/storage-format.md``.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import zstandard

from joule.errors import StorageDamagedError
from joule.models.layout import Layout
from joule.storage.codec import decode, encode
from joule.storage.interfaces import StreamRef
from joule.storage.stretch import NO_BREAKS, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NUMBER: Final = struct.Struct("<q")
CHECKSUM: Final = struct.Struct("<I")
ENTRY: Final = struct.Struct("<qBBHIIII")
"""Stream id, datatype, flags, width, numbers of rows, breaks and bytes, rows before these."""

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


class Entry(NamedTuple):
    """Rows of one stream in a record.

    ``before`` is the number of its rows that count in earlier records, None where that was not
    written down: before format 3.
    """

    stream: StreamRef
    stretch: Stretch
    before: int | None


def packed_bytes(entry: Entry) -> int:
    """Give what an entry counts for in the log: its rows as they are in memory."""
    return ENTRY.size + int(entry.stretch.rows.nbytes)


def encode_record(number: int, entries: Sequence[Entry]) -> bytes:
    """Give the bytes of a record with this number; each stream is in it once."""
    parts: list[bytes] = []
    for entry in entries:
        parts += _parts(entry)
    # All streams in one frame: their timestamps are much the same, and every page counts.
    body = zstandard.ZstdCompressor(level=1).compress(b"".join(parts))
    return CHECKSUM.pack(_sum(number, body)) + body


def _sum(number: int, body: bytes | memoryview) -> int:
    return zlib.crc32(body, zlib.crc32(NUMBER.pack(number)))


def _parts(entry: Entry) -> tuple[bytes, bytes, bytes]:
    stream, stretch, before = entry
    compressed = stretch.rows.nbytes > PACKED_BYTES_MAX
    rows = encode(stretch.rows) if compressed else stretch.rows.tobytes()
    flags = DECIMATE * stream.decimate | COMPRESSED * compressed
    kind = DATATYPES.index(stream.layout.datatype)
    counts = (len(stretch), len(stretch.breaks), len(rows), before)
    header = ENTRY.pack(stream.id, kind, flags, stream.layout.width, *counts)
    breaks = stretch.breaks.astype("<u4").tobytes() if len(stretch.breaks) else b""
    return header, breaks, rows


def decode_record(number: int, data: object) -> list[Entry]:
    """Give the rows of a record; ``StorageDamagedError`` when it is not whole."""
    if not isinstance(data, bytes):
        raise StorageDamagedError(f"tail record {number} is not there")
    body = memoryview(data)[CHECKSUM.size :]
    if len(data) < CHECKSUM.size or CHECKSUM.unpack_from(data)[0] != _sum(number, body):
        raise StorageDamagedError(f"tail record {number} does not match its checksum")
    return list(_entries(_unpacked(body)))


def _unpacked(body: bytes | memoryview) -> memoryview:
    try:
        return memoryview(zstandard.ZstdDecompressor().decompress(body))
    except zstandard.ZstdError as error:
        raise StorageDamagedError(f"a tail record cannot be decompressed: {error}") from error


def _entries(body: memoryview) -> Iterator[Entry]:
    at = 0
    while at < len(body):
        stream, kind, flags, width, count, breaks, size, before = ENTRY.unpack_from(body, at)
        ref, dtype = stream_of(stream, kind, width, flags & DECIMATE)
        at += ENTRY.size
        indices = NO_BREAKS
        if breaks:
            indices = np.frombuffer(body, "<u4", breaks, at).astype(np.intp)
            at += 4 * breaks
        if flags & COMPRESSED:
            rows = decode(body[at : at + size], dtype)
        else:
            rows = np.frombuffer(body, dtype, count, at)
        at += size
        yield Entry(ref, Stretch(rows, indices), before)


def outline(data: bytes) -> dict[int, int]:
    """Guess the streams of a record that is not whole, and how many rows each has in it.

    Goes from entry to entry as long as they look like some; nothing proves what it gives.
    """
    found: dict[int, int] = {}
    try:
        body, at = _unpacked(data[CHECKSUM.size :]), 0
    except StorageDamagedError:
        return found
    while at + ENTRY.size <= len(body):
        stream, kind, _, width, count, breaks, size, _ = ENTRY.unpack_from(body, at)
        at += ENTRY.size + 4 * breaks + size
        if stream <= 0 or kind >= len(DATATYPES) or not width or not count or at > len(body):
            break
        found[stream] = count
    return found


@lru_cache(maxsize=4096)
def stream_of(
    stream: int, kind: int, width: int, decimate: int
) -> tuple[StreamRef, np.dtype[np.void]]:
    """Give the stream of an entry and the type of its rows; kept, since making them is slow."""
    layout = Layout(DATATYPES[kind], width)
    return StreamRef(stream, layout, bool(decimate)), layout.dtype
