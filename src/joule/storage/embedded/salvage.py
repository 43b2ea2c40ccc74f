"""Which rows of tail records can be proven to count, and what is missing among them.

Takes record after record. What proves most is the count of earlier rows in each entry: the rows
of a stream follow one another without a hole as long as the counts add up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from joule.errors import StorageDamagedError
from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.storage.embedded.damage import time_range
from joule.storage.embedded.quarantine import Loss
from joule.storage.stretch import join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from joule.storage.embedded.chunk_table import ChunkTable
    from joule.storage.embedded.records import Entry
    from joule.storage.interfaces import StreamRef
    from joule.storage.stretch import Stretch


class Kept(NamedTuple):
    """The rows of a stream that count, of which the first are in this record."""

    stream: StreamRef
    stretch: Stretch
    record: int


@dataclass(slots=True)
class _Keeping:
    """What is kept of one stream, from ``record`` on, behind the time ``chunks_end``.

    ``count`` includes rows that are missing.
    """

    stream: StreamRef
    record: int
    chunks_end: int | None
    count: int = 0
    is_proven: bool = True
    pieces: list[Stretch] = field(default_factory=list)

    @property
    def last(self) -> int | None:
        return self.pieces[-1].last if self.pieces else self.chunks_end

    def continues(self, before: int | None) -> bool:
        """Whether an entry behind so many rows is proven to follow those that are kept."""
        return self.is_proven and before == self.count and bool(self.pieces)


class Salvage:
    """Keeps of each stream the rows that belong to its tail.

    ``floors`` are those that can be trusted. Rows up to the end of the last chunk of a stream do
    not count: they were sealed.
    """

    def __init__(self, floors: Mapping[int, int], chunks: ChunkTable) -> None:
        self.losses: list[Loss] = []
        self._floors = floors
        self._chunks = chunks
        self._streams: dict[int, _Keeping] = {}
        self._next: int | None = None

    def take(self, number: int, entries: Sequence[Entry]) -> None:
        """Take the next record, without entries when it is not whole."""
        if self._next not in (None, number):
            self.losses.append(Loss(f"tail records {self._next} to {number - 1} are missing"))
        if self._next not in (None, number) or not entries:
            for kept in self._streams.values():
                kept.is_proven = False
        self._next = number + 1
        floor, keeping = self._floors.get, self._streams.get
        for entry in entries:
            stream, stretch, before = entry
            if floor(stream.id, 0) > number:
                continue
            known = keeping(stream.id)
            if known is not None and known.continues(before):
                known.pieces.append(stretch)
                known.count += len(stretch.rows)
            else:
                self._take(number, entry)

    def kept(self) -> list[Kept]:
        """Give what is kept of each stream."""
        streams = self._streams.values()
        return [Kept(k.stream, join(k.pieces), k.record) for k in streams if k.pieces]

    def _take(self, number: int, entry: Entry) -> None:
        stream, stretch, before = entry
        kept = self._streams.get(stream.id)
        if kept is not None and before == 0:
            # Its earlier rows had left the tail by then, and the floor that said so is lost.
            self.losses.append(Loss("the floor of its rows is lost", stream.id))
            kept = None
        if kept is None:
            kept = _Keeping(stream, number, self._end_of_chunks(stream.id))
            self._streams[stream.id] = kept
        if self._is_missing_before(entry, kept):
            stretch = stretch.with_break(0, present=True)
        kept.count = len(stretch) + (kept.count if before is None else before)
        self._keep(kept, stretch)

    def _is_missing_before(self, entry: Entry, kept: _Keeping) -> bool:
        """Whether rows are lost, or may be, between an entry and what is kept before it."""
        stream, stretch, before = entry
        is_proven, kept.is_proven = kept.is_proven, True
        if before is None or before == kept.count:
            return before is None and not is_proven
        missing = f"{before - kept.count} rows" if before > kept.count else "rows"
        start = MIN_TIME if kept.last is None else kept.last + 1
        self.losses.append(
            Loss(f"{missing} of {time_range(start, stretch.first - 1)} are missing", stream.id)
        )
        return True

    def _keep(self, kept: _Keeping, stretch: Stretch) -> None:
        """Keep what lies behind all that is there; the rest is in a chunk already."""
        start, last = 0, kept.last
        if last is not None:
            start = int(np.searchsorted(stretch.rows["timestamp"], last, side="right"))
        if start and not kept.pieces:
            self.losses.append(
                Loss("the floor is lost of rows that are in chunks already", kept.stream.id)
            )
        if start < len(stretch):
            kept.pieces.append(stretch.part(start, len(stretch)))

    def _end_of_chunks(self, stream: int) -> int | None:
        try:
            chunk = self._chunks.before(stream, MAX_TIME)
        except StorageDamagedError:  # told when it is read
            return None
        return None if chunk is None else chunk.last
