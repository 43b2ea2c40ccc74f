"""Rows and groups of a range, step by step: what one visit to a reader thread brings back.

Between two steps nothing is held open. A step starts from a timestamp, so it does not matter
what was sealed, merged or removed meanwhile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import numpy as np

from joule.models.decimation import concat, reduce
from joule.storage.embedded import queries
from joule.storage.embedded.breaks import break_rows
from joule.storage.embedded.chunks import CHUNK_BYTES
from joule.storage.embedded.packing import Packer
from joule.storage.embedded.pyramid import stored_level
from joule.storage.embedded.stretch import cut
from joule.storage.interfaces import Block, DecimatedBlock

if TYPE_CHECKING:
    from joule.models.decimation import Groups
    from joule.models.intervals import Interval
    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.embedded.chunks import Chunks
    from joule.storage.embedded.stretch import Indices, Stretch
    from joule.storage.embedded.tail import View
    from joule.storage.interfaces import StreamRef

T = TypeVar("T")

STEP_BYTES: Final = 2 << 20
STEP_CHUNKS: Final = 512


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

    def __init__(self, interval: Interval, view: View) -> None:
        super().__init__(interval, view)
        self._blocks: list[Block] = []
        self._begun = False

    def read_chunks(self, chunks: Chunks, interval: Interval) -> int | None:
        size = 0
        for chunk in chunks.table.overlapping(chunks.stream.id, interval):
            if size >= STEP_BYTES:
                return chunk.first
            stretch = chunks.load(chunk)
            size += stretch.rows.nbytes
            self.read_rows(stretch.clip(interval))
        return None

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


class GroupReader(RangeReader[DecimatedBlock]):
    """Gives the groups of a range, from stored groups where it can and from rows where it must."""

    def __init__(self, interval: Interval, view: View, level: int) -> None:
        super().__init__(interval, view)
        self._stored = stored_level(level)
        self._packer = Packer(level)
        self._ready: list[Groups] = []
        self._waiting: list[Groups] = []
        self._blocks: list[DecimatedBlock] = []
        self._begun = False
        self._starts_interval = False

    def read_chunks(self, chunks: Chunks, interval: Interval) -> int | None:
        found, position = self._next_chunks(chunks, interval)
        stored = self._pyramid(chunks, found)
        unbroken: list[tuple[Chunk, bytes]] = []
        for chunk in found:
            data = stored.get(chunk.first)
            if chunk.first < interval.start or chunk.last >= interval.end:
                data = None
            if data is not None and chunk.breaks is None:
                unbroken.append((chunk, data))
                continue
            self._read_unbroken(chunks, unbroken)
            if data is None:
                self.read_rows(chunks.load(chunk).clip(interval))
            else:
                self._read_groups(chunks.load_groups(chunk, data), break_rows(chunk.breaks))
        self._read_unbroken(chunks, unbroken)
        return position

    def _read_unbroken(self, chunks: Chunks, found: list[tuple[Chunk, bytes]]) -> None:
        """Take in the groups of chunks without breaks, all at once, and empty the list."""
        if found:
            self._waiting.append(chunks.load_many_groups(found))
            found.clear()

    def read_rows(self, stretch: Stretch) -> None:
        self._pack_waiting()
        for run in stretch.runs():
            if run.starts_interval:
                self._end_interval()
            self._begun = True
            self._keep(self._packer.push_rows(run.rows))

    def finish(self, stream: StreamRef, ends_in_gap: bool) -> None:
        self._pack_waiting()
        self._end_interval()
        if ends_in_gap:
            none = reduce(stream.layout.empty(), 1)
            self._blocks.append(DecimatedBlock(none, starts_interval=True))

    def take(self) -> list[DecimatedBlock]:
        self._pack_waiting()
        self._close_block()
        blocks, self._blocks = self._blocks, []
        return blocks

    def _next_chunks(self, chunks: Chunks, interval: Interval) -> tuple[list[Chunk], int | None]:
        found: list[Chunk] = []
        size = 0
        for chunk in chunks.table.overlapping(chunks.stream.id, interval):
            if size >= STEP_BYTES or len(found) >= STEP_CHUNKS:
                return found, chunk.first
            found.append(chunk)
            rows = chunk.rows
            if self._stored is not None and chunk.pyramid_bytes:
                rows //= self._stored
            size += rows * chunks.stream.layout.row_bytes
        return found, None

    def _pyramid(self, chunks: Chunks, found: list[Chunk]) -> dict[int, bytes]:
        if self._stored is None or not found:
            return {}
        bounds = (found[0].first, found[-1].first)
        return chunks.table.pyramid(chunks.stream.id, self._stored, *bounds)

    def _read_groups(self, groups: Groups, breaks: Indices) -> None:
        edges = np.searchsorted(np.cumsum(groups.count) - groups.count, breaks).tolist()
        if edges[0] > 0:
            self._waiting.append(groups[: edges[0]])
        for start, end in pairwise([*edges, len(groups)]):
            self._pack_waiting()
            self._end_interval()
            self._waiting.append(groups[start:end])

    def _pack_waiting(self) -> None:
        if self._waiting:
            self._begun = True
            self._keep(self._packer.push(concat(self._waiting)))
            self._waiting = []

    def _keep(self, groups: Groups | None) -> None:
        if groups is not None:
            self._ready.append(groups)

    def _end_interval(self) -> None:
        if self._begun:
            self._keep(self._packer.flush())
            self._close_block()
            self._starts_interval = True

    def _close_block(self) -> None:
        if self._ready:
            self._blocks.append(DecimatedBlock(concat(self._ready), self._starts_interval))
            self._ready = []
            self._starts_interval = False
