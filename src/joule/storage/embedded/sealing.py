"""From the tails to the file: what a transaction of the writer thread does with waiting rows.

Rows that fill a chunk go straight into chunks; what is left over of all streams goes into one
tail record. Whatever is returned is to be settled with the tails once the transaction is durable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.storage.embedded import cold, doomed
from joule.storage.embedded.chunk_table import ChunkTable
from joule.storage.embedded.chunks import Chunks, chunk_rows
from joule.storage.embedded.editing import retain
from joule.storage.embedded.records import ENTRY, encode_record
from joule.storage.embedded.tail_table import TailTable
from joule.storage.embedded.tails import Moved
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from joule.storage.embedded.stretch import Stretch
    from joule.storage.embedded.tails import Held, Tails
    from joule.storage.interfaces import StreamRef


SWEPT_CHUNKS: Final = 64
"""So many chunks of a deleted stream are removed in one transaction of the upkeep."""


class Outcome(NamedTuple):
    """What was moved out of the tails, and the size of the record that was written, or 0."""

    moved: list[Moved]
    record_bytes: int = 0


class Sealer:
    """One transaction on the tails of many streams."""

    def __init__(self, connection: apsw.Connection, tails: Tails) -> None:
        self._connection = connection
        self._chunk_table = ChunkTable(connection)
        self._tail_table = TailTable(connection)
        self._tails = tails
        if tails.has_obsolete_records:
            self._tail_table.remove_before(tails.oldest_record)

    def commit(self) -> Outcome:
        """Bring all rows of all tails into chunks or a record."""
        pending = self._tails.pending()
        waiting = sum(map(_record_bytes, pending))
        aged = {held.stream.id: held for held in self._tails.aged(waiting)}
        moved = [self.seal(held) for held in aged.values()]
        entries: list[tuple[StreamRef, Stretch]] = []
        for held in pending:
            if held.stream.id in aged:
                continue
            taken = self._fill_chunks(held)
            moved.append(Moved(held.stream.id, taken, held.rows))
            if taken < held.rows:
                start = max(taken, held.committed) - held.hidden
                entries.append((held.stream, held.view.part(start, held.view.rows)))
        return Outcome(moved, self._record(entries))

    def age(self) -> Outcome:
        """Seal the oldest tails when the log has become long."""
        return Outcome([self.seal(held) for held in self._tails.aged(0)])

    def reach(self, stream: StreamRef, until: int) -> Outcome:
        """Seal the tail of a stream unless the row behind the time ``until`` is in a chunk."""
        held = self._tails.held(stream.id)
        if held is None or held.view.first is None:
            return Outcome([])
        if held.view.first > until and self._chunk_table.last(stream.id) > until:
            return Outcome([])
        return Outcome([self.seal(held)])

    def retain(self, stream: StreamRef, before: int) -> tuple[int, Outcome]:
        """Remove what is old in chunks, and the tail when it is as a whole; number of rows."""
        removed = retain(self.chunks(stream), before)
        held = self._tails.held(stream.id)
        if held is None or held.view.pieces[-1].last >= before:
            return removed, Outcome([])
        return removed + held.rows, Outcome([self.forget(held)])

    def drop(self, streams: Sequence[int]) -> Outcome:
        """Remove everything of some streams."""
        for stream in streams:
            self._chunk_table.remove(stream, MIN_TIME, MAX_TIME)
        cold.forget(self._connection, streams)
        doomed.unmark(self._connection, Kind.DATA_STREAM, streams)
        tails = (self._tails.held(stream) for stream in set(streams))
        return Outcome([self.forget(held) for held in tails if held is not None])

    def sweep(self) -> tuple[bool, Outcome]:
        """Remove a part of what is stored for a deleted stream; whether there was anything."""
        stream = next(iter(doomed.marked(self._connection, Kind.DATA_STREAM)), None)
        if stream is None:
            return False, Outcome([])
        if self._chunk_table.remove_some(stream, SWEPT_CHUNKS) == SWEPT_CHUNKS:
            return True, Outcome([])
        return True, self.drop([stream])

    def chunks(self, stream: StreamRef) -> Chunks:
        """Give the chunks of a stream."""
        return Chunks(self._chunk_table, stream)

    def seal(self, held: Held) -> Moved:
        """Bring all rows of a tail into chunks."""
        self.chunks(held.stream).add(held.view.part(0, held.rows))
        return self.forget(held)

    def forget(self, held: Held) -> Moved:
        """Let no row of a tail count any more."""
        if held.committed:
            self._tail_table.set_floor(held.stream.id, self._tails.next_record)
        return Moved(held.stream.id, held.rows, held.rows)

    def _fill_chunks(self, held: Held) -> int:
        """Store the rows at the front that fill chunks and give their number."""
        size = chunk_rows(held.stream.layout.row_bytes)
        taken = held.rows // size * size
        if taken:
            parts = (held.view.part(start, start + size) for start in range(0, taken, size))
            self.chunks(held.stream).put(parts)
            self.forget(held)
        return taken

    def _record(self, entries: list[tuple[StreamRef, Stretch]]) -> int:
        if not entries:
            return 0
        data = encode_record(entries)
        self._tail_table.put(self._tails.next_record, data)
        return len(data)


def _record_bytes(held: Held) -> int:
    """Give the room that the waiting rows of a tail would take in a record."""
    return ENTRY.size + (held.rows - held.committed) * held.stream.layout.row_bytes
