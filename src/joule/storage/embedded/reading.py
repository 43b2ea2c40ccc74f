"""Rows of a range, step by step: what one visit to a reader thread brings back.

Between two steps nothing is held open. A step starts from a timestamp, so it does not matter
what was sealed, merged or removed meanwhile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from joule.storage.embedded import queries
from joule.storage.embedded.chunks import CHUNK_BYTES
from joule.storage.interfaces import Block
from joule.storage.stretch import cut

if TYPE_CHECKING:
    from joule.models.intervals import Interval
    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.embedded.chunks import Chunks
    from joule.storage.embedded.decoding import Decoders
    from joule.storage.embedded.tail import View
    from joule.storage.interfaces import StreamRef
    from joule.storage.stretch import Stretch

T = TypeVar("T")

STEP_BYTES: Final = 2 << 20


class RangeReader(ABC, Generic[T]):
    """Reads a range of a stream step by step: first from its chunks, then from a view of its tail.

    Chunks are read up to the first row of the view; where there is none, up to the last row that
    is there in the first step, so that a read ends even if rows come in as fast as it goes.
    """

    def __init__(self, interval: Interval, view: View) -> None:
        self.interval = interval
        self.finished = False
        self._view = view
        self._older = queries.in_chunks(interval, view)
        self._bounded = view.first is not None

    def step(self, chunks: Chunks) -> list[T]:
        """Give the next blocks, perhaps none; sets ``finished`` with the last of them."""
        if self._older.start < self._older.end:
            self._bound(chunks)
            position = self.read_chunks(chunks, self._older)
            if position is not None:
                self._older = self._older._replace(start=position)
                return self.take()
        for piece in self._view.pieces:
            self.read_rows(piece.clip(self.interval))
        self.finish(chunks.stream, queries.ends_in_gap(chunks, self._view, self.interval))
        self.finished = True
        return self.take()

    @abstractmethod
    def read_chunks(self, chunks: Chunks, interval: Interval) -> int | None:
        """Take in the next chunks of a range; give the time to go on from, None at the end."""

    @abstractmethod
    def read_rows(self, stretch: Stretch) -> None:
        """Take in rows."""

    @abstractmethod
    def finish(self, stream: StreamRef, ends_in_gap: bool) -> None:
        """Take note that there are no more rows in the range."""

    @abstractmethod
    def take(self) -> list[T]:
        """Give the blocks that are complete."""

    def _bound(self, chunks: Chunks) -> None:
        if not self._bounded:
            last = chunks.table.last(chunks.stream.id)
            self._older = self._older._replace(end=min(self._older.end, last + 1))
            self._bounded = True


class RowReader(RangeReader[Block]):
    """Gives the rows of a range in blocks of unbroken rows."""

    def __init__(self, interval: Interval, view: View, decoders: Decoders) -> None:
        super().__init__(interval, view)
        self._decoders = decoders
        self._blocks: list[Block] = []
        self._begun = False

    def read_chunks(self, chunks: Chunks, interval: Interval) -> int | None:
        found: list[tuple[Chunk, bytes]] = []
        position: int | None = None
        size = 0
        for chunk in chunks.table.overlapping(chunks.stream.id, interval):
            if size >= STEP_BYTES:
                position = chunk.first
                break
            found.append((chunk, chunks.data(chunk)))
            size += chunk.rows * chunks.stream.layout.row_bytes
        for stretch in self._decoders.each(lambda each: chunks.decoded(*each), found, size):
            self.read_rows(stretch.clip(interval))
        return position

    def read_rows(self, stretch: Stretch) -> None:
        for run in stretch.runs():
            for piece in cut(run, max(CHUNK_BYTES // run.rows.itemsize, 1)):
                self._blocks.append(Block(piece.rows, piece.starts_interval and self._begun))
                self._begun = True

    def finish(self, stream: StreamRef, ends_in_gap: bool) -> None:
        if ends_in_gap:
            self._blocks.append(Block(stream.layout.empty(), starts_interval=True))

    def take(self) -> list[Block]:
        blocks, self._blocks = self._blocks, []
        return blocks
