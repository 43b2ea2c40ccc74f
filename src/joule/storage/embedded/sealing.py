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
from joule.storage.embedded.covering import cover
from joule.storage.embedded.editing import retain
from joule.storage.embedded.records import ENTRY, Entry, encode_record, packed_bytes
from joule.storage.embedded.tail_table import TailTable
from joule.storage.embedded.tails import Moved
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from joule.storage.embedded.tails import Held, Tails
    from joule.storage.interfaces import StreamRef


SWEPT_CHUNKS: Final = 64
"""So many chunks of a deleted stream are removed in one transaction of the upkeep."""


class Outcome(NamedTuple):
    """What was moved out of the tails; bytes of the rows in the record that was written, or 0."""

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
        """Bring rows of all tails into chunks or a record: all but those of many chunks."""
        pending = self._tails.pending()
        waiting = sum(map(_record_bytes, pending))
        due = [*self._tails.aged(waiting), *filter(_is_overfull, pending)]
        sealed = {held.stream.id: held for held in due}
        moved = [self.seal(held) for held in sealed.values()]
        entries: list[Entry] = []
        for held in pending:
            if held.stream.id in sealed:
                continue
            taken = self._store_chunks(held)
            if held.rows - taken >= chunk_rows(held.stream.layout.row_bytes):
                moved.append(Moved(held.stream.id, taken, taken))  # the next ones are for later
                continue
            moved.append(Moved(held.stream.id, taken, held.rows))
            if taken < held.rows:
                start = max(taken, held.committed) - held.hidden
                part = held.view.part(start, held.view.rows)
                entries.append(Entry(held.stream, part, 0 if taken else held.committed))
        return Outcome(moved, self._record(entries))

    def make_room(self) -> Outcome:
        """Store full chunks, and all else only when there is little in them.

        What goes into a record is written again with its chunk; where rows come fast, the wait
        for that chunk is short.
        """
        pending = self._tails.pending()
        waiting = sum(map(_waiting_bytes, pending))
        if 2 * sum(map(_encoded_bytes, pending)) < waiting:
            return self.commit()
        return Outcome([self._shorten(held) for held in pending if held.encoded])

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
        chunks = self.chunks(held.stream)
        chunks.add(held.view.part(0, held.rows))
        cover(chunks)
        return self.forget(held)

    def forget(self, held: Held) -> Moved:
        """Let no row of a tail count any more."""
        if held.committed:
            self._tail_table.set_floor(held.stream.id, self._tails.next_record)
        return Moved(held.stream.id, held.rows, held.rows)

    def _shorten(self, held: Held) -> Moved:
        """Store the chunks that the first rows of a tail fill."""
        if _is_overfull(held):
            return self.seal(held)
        taken = self._store_chunks(held)
        return Moved(held.stream.id, taken, taken)

    def _store_chunks(self, held: Held) -> int:
        """Store the chunks that the first rows of a tail fill and give the number of rows."""
        for chunk in held.encoded:
            self._chunk_table.put(held.stream.id, chunk.result())
        if held.encoded:
            cover(self.chunks(held.stream))
            self.forget(held)
        return len(held.encoded) * chunk_rows(held.stream.layout.row_bytes)

    def _record(self, entries: list[Entry]) -> int:
        if not entries:
            return 0
        number = self._tails.next_record
        data = encode_record(number, entries)
        self._tail_table.put(number, data)
        return sum(map(packed_bytes, entries))


def _is_overfull(held: Held) -> bool:
    """Whether rows that fill a chunk are in records, as damage may leave them behind.

    They leave the tail all together: those behind the chunk would be in no record that counts.
    """
    return held.committed >= chunk_rows(held.stream.layout.row_bytes)


def _record_bytes(held: Held) -> int:
    """Give what the waiting rows of a tail would add to the log."""
    return ENTRY.size + _waiting_bytes(held)


def _waiting_bytes(held: Held) -> int:
    return (held.rows - held.committed) * held.stream.layout.row_bytes


def _encoded_bytes(held: Held) -> int:
    row_bytes = held.stream.layout.row_bytes
    return len(held.encoded) * chunk_rows(row_bytes) * row_bytes
