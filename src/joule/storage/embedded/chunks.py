"""The chunks of one stream as stretches of rows: loading, storing, cutting and merging them.

A chunk aims at 512 KiB of packed rows and holds a power of two of them, so that the groups of
neighbouring chunks fit together. Short chunks come from slow streams and small backfills; they
are merged with the one before in such a way that every row is rewritten a few times at most.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.errors import StorageDamagedError
from joule.models.decimation import concat
from joule.storage.codec import decode, encode
from joule.storage.embedded.breaks import break_rows, fit, gaps_of, pack, unpack, with_first
from joule.storage.embedded.chunk_table import NewChunk
from joule.storage.embedded.damage import reported_as, time_range
from joule.storage.embedded.pyramid import LEVELS, build, decode_groups, decode_short_groups
from joule.storage.stretch import Stretch, cut, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from joule.models.decimation import Groups
    from joule.storage.embedded.chunk_table import Chunk, ChunkTable
    from joule.storage.interfaces import StreamRef

CHUNK_BYTES: Final = 512 * 1024
MERGED_CHUNKS: Final = 8
"""So many neighbouring short chunks of about the same size become one."""


@lru_cache(maxsize=256)
def chunk_rows(row_bytes: int) -> int:
    """Give the number of rows of a full chunk: a power of two, at least 64."""
    fitting = max(CHUNK_BYTES // row_bytes, LEVELS[0])
    return 1 << (fitting.bit_length() - 1)


class Chunks:
    """The chunks of one stream."""

    def __init__(self, table: ChunkTable, stream: StreamRef) -> None:
        self.table = table
        self.stream = stream
        self.rows_full = chunk_rows(stream.layout.row_bytes)

    def load(self, chunk: Chunk) -> Stretch:
        """Decode the rows of a chunk; ``StorageDamagedError`` unless they are what they were."""
        return self.decoded(chunk, self.data(chunk))

    def data(self, chunk: Chunk) -> bytes:
        """Give the bytes of the rows of a chunk."""
        with _reported(chunk):
            return self.table.data(chunk)

    def decoded(self, chunk: Chunk, data: bytes) -> Stretch:
        """Decode these bytes of a chunk; for any thread."""
        with _reported(chunk):
            rows = decode(data, self.stream.layout.dtype)
            stretch = Stretch(rows, break_rows(chunk.breaks))
            _check(chunk, stretch)
        return stretch

    def load_groups(self, chunk: Chunk, data: bytes) -> Groups:
        """Decode the stored groups of a chunk, which are ``data``."""
        with reported_as(f"decimated rows of {time_range(chunk.first, chunk.last)}"):
            groups = decode_groups(data, self.stream.layout)
            if int(groups.count.sum()) != chunk.rows:
                raise StorageDamagedError("they do not stand for all rows")
        return groups

    def load_many_groups(self, found: Sequence[tuple[Chunk, bytes]]) -> Groups:
        """Decode the stored groups of neighbouring chunks, at least one, behind one another."""
        groups = decode_short_groups([data for _, data in found], self.stream.layout)
        rows = [chunk.rows for chunk, _ in found]
        if groups is not None and np.array_equal(groups.count, rows):  # one group in each
            return groups
        return concat([self.load_groups(chunk, data) for chunk, data in found])

    def put(self, pieces: Iterable[Stretch]) -> None:
        """Store each piece as one chunk."""
        for piece in pieces:
            self.table.put(self.stream.id, encode_chunk(self.stream, piece))

    def add(self, stretch: Stretch) -> None:
        """Store rows where no chunk overlaps them, merged with short chunks before them."""
        while shorts := self._to_merge_with(stretch):
            parts = [self.load(chunk) for chunk in shorts]
            for chunk in shorts:
                self.remove(chunk)
            stretch = join([*parts, stretch])
        self.put(cut(stretch, self.rows_full))

    def replace(self, chunk: Chunk, stretch: Stretch) -> None:
        """Store other rows in the place of a chunk; none removes it."""
        self.remove(chunk)
        fits = len(stretch) <= self.rows_full * 3 // 2
        self.put(cut(stretch, len(stretch) if fits else self.rows_full))

    def remove(self, chunk: Chunk) -> None:
        """Remove a chunk."""
        self.table.remove(self.stream.id, chunk.first, chunk.first)

    def set_first_break(self, chunk: Chunk, *, present: bool) -> None:
        """Put a break before a chunk's first row, or take it away."""
        gaps = unpack(chunk.breaks)
        if present != (len(gaps) > 0 and gaps["row"][0] == 0):
            gaps = with_first(gaps, chunk.first, present=present)
            self.table.set_breaks(self.stream.id, chunk.first, pack(gaps))

    def rebuild_pyramid(self, chunk: Chunk) -> None:
        """Compute the stored groups of a chunk anew."""
        pyramid = encode_pyramid(self.stream, self.load(chunk))
        self.table.set_pyramid(self.stream.id, chunk.first, pyramid)

    def _to_merge_with(self, stretch: Stretch) -> list[Chunk]:
        """Choose the chunks right before some rows that are to be merged with them, in order.

        Chunks are merged when there are enough of about the same size, so that a row is written
        again only when its chunk grows that many times. Many rows take short chunks along.
        """
        found: list[Chunk] = []
        largest = _size_class(min(len(stretch), self.rows_full - 1))
        chunk = self.table.before(self.stream.id, stretch.first)
        while chunk is not None and len(found) < MERGED_CHUNKS - 1:
            if chunk.rows >= self.rows_full or _size_class(chunk.rows) > largest:
                break
            found.insert(0, chunk)
            chunk = self.table.before(self.stream.id, chunk.first)
        enough = len(found) == MERGED_CHUNKS - 1 or len(stretch) >= self.rows_full
        return found if enough else []


def _reported(chunk: Chunk) -> AbstractContextManager[None]:
    return reported_as(f"rows of {time_range(chunk.first, chunk.last)}")


def _check(chunk: Chunk, stretch: Stretch) -> None:
    """Compare what is known of a chunk with its rows."""
    if len(stretch) != chunk.rows or (stretch.first, stretch.last) != (chunk.first, chunk.last):
        raise StorageDamagedError("they are not those of their entry")
    if not fit(chunk.breaks, stretch):
        raise StorageDamagedError("their breaks do not fit")


def _size_class(rows: int) -> int:
    """Give about how often so many rows, if they came one by one, have been merged."""
    return rows.bit_length() // (MERGED_CHUNKS.bit_length() - 1)


def encode_chunk(stream: StreamRef, stretch: Stretch) -> NewChunk:
    """Compress rows and compute their groups."""
    return NewChunk(
        first=stretch.first,
        last=stretch.last,
        rows=len(stretch),
        data=encode(stretch.rows),
        breaks=pack(gaps_of(stretch)),
        pyramid=encode_pyramid(stream, stretch),
    )


def encode_pyramid(stream: StreamRef, stretch: Stretch) -> list[tuple[int, bytes]]:
    """Compute the stored groups of some rows; few rows are as fast to read as their groups."""
    if not stream.decimate or len(stretch) < LEVELS[0]:
        return []
    return list(build(stretch, stream.layout))
