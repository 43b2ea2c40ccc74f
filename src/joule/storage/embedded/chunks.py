"""The chunks of one stream as stretches of rows: loading, storing, cutting and merging them.

A chunk aims at 512 KiB of packed rows and holds a power of two of them, so that the groups of
neighbouring chunks fit together. Short chunks come from slow streams and small backfills; they
are merged with the one before in such a way that every row is rewritten a few times at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.embedded.breaks import break_rows, gaps_of, pack, unpack, with_first
from joule.storage.embedded.chunk_table import NewChunk
from joule.storage.embedded.codec import decode, encode
from joule.storage.embedded.pyramid import LEVELS, build
from joule.storage.embedded.stretch import Stretch, cut, join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.storage.embedded.chunk_table import Chunk, ChunkTable
    from joule.storage.interfaces import StreamRef

CHUNK_BYTES: Final = 512 * 1024
MERGE_RATIO: Final = 3
"""A short chunk is merged with the rows behind it while it has at most this many times more."""


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
        """Decode the rows of a chunk."""
        rows = decode(self.table.data(chunk), self.stream.layout.dtype)
        return Stretch(rows, break_rows(chunk.breaks))

    def put(self, pieces: Iterable[Stretch]) -> None:
        """Store each piece as one chunk."""
        for piece in pieces:
            self.table.put(self.stream.id, encode_chunk(self.stream, piece))

    def add(self, stretch: Stretch) -> None:
        """Store rows where no chunk overlaps them, merged with short chunks before them."""
        if len(stretch) >= self.rows_full:
            stretch = self._joined_before(stretch, rows_max=self.rows_full - 1)
        size = 0
        while size < len(stretch) < self.rows_full:
            size = len(stretch)
            rows_max = min(MERGE_RATIO * size, self.rows_full - size)
            stretch = self._joined_before(stretch, rows_max)
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

    def _joined_before(self, stretch: Stretch, rows_max: int) -> Stretch:
        """Take the chunk before some rows away and put its rows in front, if it is that short."""
        before = self.table.before(self.stream.id, stretch.first)
        if before is None or before.rows > rows_max:
            return stretch
        older = self.load(before)
        self.remove(before)
        return join([older, stretch])


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
