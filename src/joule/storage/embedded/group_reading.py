"""Decimated rows of a range, step by step: the coarsest groups that will do, wherever they lie.

Groups come from spans where whole ones lie in the range and are not too coarse, from the stored
groups of chunks where whole chunks do, and from rows at the ends and in the tail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.decimation import concat, reduce
from joule.models.intervals import Interval
from joule.storage.embedded import reading
from joule.storage.embedded.breaks import break_rows
from joule.storage.embedded.chunk_table import Chunk
from joule.storage.embedded.covering import top_level
from joule.storage.embedded.pyramid import stored_level
from joule.storage.embedded.span_groups import decode_summary
from joule.storage.interfaces import DecimatedBlock
from joule.storage.packing import Packer
from joule.storage.summary import Summary, joined, with_breaks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.decimation import Groups
    from joule.storage.embedded.chunks import Chunks
    from joule.storage.embedded.span_table import Span
    from joule.storage.embedded.tail import View
    from joule.storage.interfaces import StreamRef
    from joule.storage.stretch import Stretch

STEP_SOURCES: Final = 512


class _Source(NamedTuple):
    """Where the next groups come from: a span with groups that will do, or else a chunk."""

    place: Chunk | Span
    summary: Summary | None = None


class GroupReader(reading.RangeReader[DecimatedBlock]):
    """Gives the groups of a range, from stored groups where it can and from rows where it must."""

    def __init__(self, interval: Interval, view: View, level: int) -> None:
        super().__init__(interval, view)
        self._level = level
        self._stored = stored_level(level)
        self._packer = Packer(level)
        self._waiting: list[Summary] = []
        self._ready: list[Groups] = []
        self._blocks: list[DecimatedBlock] = []
        self._begun = False
        self._starts_interval = False

    def read_chunks(self, chunks: Chunks, interval: Interval) -> int | None:
        found: list[Chunk] = []
        size = 0
        for taken, (place, summary) in enumerate(self._sources(chunks, interval)):
            if size >= reading.STEP_BYTES or taken >= STEP_SOURCES:
                self._read_found(chunks, found, interval)
                return place.first
            if isinstance(place, Chunk):
                found.append(place)
                size += self._groups_in(place) * chunks.stream.layout.row_bytes
            if summary is not None:
                self._read_found(chunks, found, interval)
                found = []
                self._waiting.append(summary)
                size += len(summary.groups) * chunks.stream.layout.row_bytes
        self._read_found(chunks, found, interval)
        return None

    def _sources(self, chunks: Chunks, interval: Interval) -> Iterator[_Source]:
        top = top_level(chunks.rows_full, self._level) if self._stored else 0
        return self._sources_up_to(top, chunks, interval)

    def _sources_up_to(self, top: int, chunks: Chunks, interval: Interval) -> Iterator[_Source]:
        """Give the chunks and spans of a range, in order; spans of no level above ``top``."""
        table, stream = chunks.table, chunks.stream
        for part in table.spans.outline(stream.id, interval.start, interval.end - 1, top):
            if part.level == 0:
                bounds = Interval(part.first, part.last + 1)
                yield from map(_Source, table.overlapping(stream.id, bounds))
                continue
            for span in table.spans.spans(stream.id, part):
                summary = decode_summary(span, stream.layout)
                if summary is not None and summary.groups.count.max() <= self._level:
                    yield _Source(span, summary)
                else:
                    within = Interval(span.first, span.last + 1)
                    yield from self._sources_up_to(part.level - 1, chunks, within)

    def _groups_in(self, chunk: Chunk) -> int:
        """Give about how much has to be decoded of a chunk, in rows."""
        if self._stored is None or not chunk.pyramid_bytes:
            return chunk.rows
        return chunk.rows // self._stored

    def _read_found(self, chunks: Chunks, found: list[Chunk], interval: Interval) -> None:
        """Take in neighbouring chunks, those without breaks together."""
        stored: dict[int, bytes] = {}
        if found and self._stored is not None:
            bounds = (found[0].first, found[-1].first)
            stored = chunks.table.pyramids.level(chunks.stream.id, self._stored, *bounds)
        unbroken: list[tuple[Chunk, bytes]] = []
        for chunk in found:
            data = stored.get(chunk.first)
            if chunk.first < interval.start or chunk.last >= interval.end:
                data = None
            if data is not None and chunk.breaks is None:
                unbroken.append((chunk, data))
                continue
            self._read_unbroken(chunks, unbroken)
            unbroken = []
            if data is None:
                self.read_rows(chunks.load(chunk).clip(interval))
            else:
                groups = chunks.load_groups(chunk, data)
                self._waiting.append(with_breaks(groups, break_rows(chunk.breaks)))
        self._read_unbroken(chunks, unbroken)

    def _read_unbroken(self, chunks: Chunks, found: list[tuple[Chunk, bytes]]) -> None:
        if found:
            self._waiting.append(Summary(chunks.load_many_groups(found)))

    def read_rows(self, stretch: Stretch) -> None:
        self._pack_waiting()
        self._keep(self._packer.push_rows(stretch))

    def finish(self, stream: StreamRef, ends_in_gap: bool) -> None:
        self._pack_waiting()
        self._keep(self._packer.flush())
        self._close_block()
        if ends_in_gap:
            none = reduce(stream.layout.empty(), 1)
            self._blocks.append(DecimatedBlock(none, starts_interval=True))

    def take(self) -> list[DecimatedBlock]:
        self._pack_waiting()
        self._close_block()
        blocks, self._blocks = self._blocks, []
        return blocks

    def _pack_waiting(self) -> None:
        if self._waiting:
            self._keep(self._packer.push(joined(self._waiting)))
            self._waiting = []

    def _keep(self, summary: Summary | None) -> None:
        """Put groups into blocks, one for each interval; the last of them is left open."""
        if summary is None:
            return
        for groups, starts_interval in summary.runs():
            if starts_interval:
                self._close_block()
                self._starts_interval = self._begun
            self._begun = True
            self._ready.append(groups)

    def _close_block(self) -> None:
        if self._ready:
            self._blocks.append(DecimatedBlock(concat(self._ready), self._starts_interval))
            self._ready = []
            self._starts_interval = False
