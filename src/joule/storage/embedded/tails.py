"""The tails of all streams and the log of tail records they are kept in.

Appending and viewing happen on the event loop, sealing and recording on the writer thread; one
lock, held for moments, lies between. What a transaction moves out of the tails is taken away only
when it is durable, so a transaction that fails leaves everything to be tried again.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.storage.embedded.ahead import CHUNKS_PER_COMMIT
from joule.storage.embedded.chunks import chunk_rows
from joule.storage.embedded.tail import Tail, View

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from joule.storage.embedded.ahead import Encoders
    from joule.storage.embedded.chunk_table import NewChunk
    from joule.storage.interfaces import StreamRef
    from joule.storage.stretch import Stretch

LOG_BYTES_MAX: Final = 20 << 20
"""Rows in the log as they are in memory; in the file they take about half of it."""
LOG_RECORDS_MAX: Final = 4096
NO_ROWS: Final = View((), 0)


class Held(NamedTuple):
    """The tail of a stream as a transaction finds it.

    ``view`` shows it without its first ``hidden`` rows; ``committed`` rows of it are in records.
    ``encoded`` are the chunks to store now, which its first rows fill.
    """

    stream: StreamRef
    view: View
    hidden: int
    committed: int
    encoded: tuple[Future[NewChunk], ...]

    @property
    def rows(self) -> int:
        """Number of rows in the tail."""
        return self.hidden + self.view.rows


class Moved(NamedTuple):
    """What a transaction did: of ``rows`` rows it found, it took the first ``taken`` away.

    The others are in tail records now.
    """

    stream: int
    taken: int
    rows: int


class Tails:
    """What is in the tails; safe to use from the event loop and the writer thread."""

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._lock = threading.Lock()
        self._tails: dict[int, Tail] = {}
        self._pending: set[int] = set()
        self._pending_bytes = 0
        self._records: deque[tuple[int, int]] = deque()
        self._log_bytes = 0
        self.next_record = 1
        self.has_obsolete_records = True

    @property
    def pending_bytes(self) -> int:
        """Size of the rows that are not durable."""
        return self._pending_bytes

    def append(self, stream: StreamRef, stretch: Stretch) -> None:
        """Accept rows at the end of a stream."""
        with self._lock:
            tail = self._tail(stream)
            tail.append(stretch)
            self._encoders.follow(tail)
            self._pending.add(stream.id)
            self._pending_bytes += stretch.rows.nbytes

    def view(self, stream: int) -> View:
        """Give the rows in the tail of a stream."""
        with self._lock:
            tail = self._tails.get(stream)
            return NO_ROWS if tail is None else tail.view()

    def held(self, stream: int) -> Held | None:
        """Give the tail of a stream, None when it has no rows."""
        with self._lock:
            tail = self._tails.get(stream)
            return None if tail is None or not tail.rows else _held(tail)

    def pending(self) -> list[Held]:
        """Give the tails that have rows in no record yet; only those, unless they fill a chunk."""
        with self._lock:
            return [self._held_pending(self._tails[stream]) for stream in self._pending]

    def transactions(self) -> int:
        """Give the number of transactions that store all that is pending now."""
        with self._lock:
            chunks = [_full_chunks(self._tails[stream]) for stream in self._pending]
        return max(chunks) // CHUNKS_PER_COMMIT + 1 if chunks else 0

    def aged(self, added_bytes: int) -> list[Held]:
        """Give tails to seal, oldest first, so that the log stays within its bounds.

        Begins when the log is half full, and then takes the share of all tails that corresponds
        to what is added to the log, so that every tail has had its turn before the log is full.
        """
        with self._lock:
            fill = max(self._log_bytes / LOG_BYTES_MAX, len(self._records) / LOG_RECORDS_MAX)
            if fill < 0.5:
                return []
            recorded = [tail for tail in self._tails.values() if tail.first_record is not None]
            added = max(added_bytes / LOG_BYTES_MAX, 1 / LOG_RECORDS_MAX)
            count = int(len(recorded) * added * 2) + 1
            recorded.sort(key=lambda tail: tail.first_record or 0)
            return [_held(tail) for tail in recorded[:count]]

    def settle(self, moved: Iterable[Moved], record_bytes: int) -> None:
        """Take away what a durable transaction moved; it wrote a record of this size, or none."""
        with self._lock:
            for move in moved:
                self._settle(move)
            self.has_obsolete_records = False  # every transaction begins with removing them
            if record_bytes:
                self._records.append((self.next_record, record_bytes))
                self._log_bytes += record_bytes
                self.next_record += 1
            self._forget_records()

    @property
    def oldest_record(self) -> int:
        """Number of the oldest record whose rows count; those before it can be removed."""
        return self._records[0][0] if self._records else self.next_record

    def restore(self, stream: StreamRef, stretch: Stretch, record: int) -> None:
        """Take over rows found when the store was opened; the first are in this record."""
        with self._lock:
            tail = self._tail(stream)
            tail.append(stretch)
            tail.committed = tail.rows
            tail.first_record = record

    def restore_log(self, records: Iterable[tuple[int, int]], next_record: int) -> None:
        """Take over the numbers and sizes of the records that were found."""
        with self._lock:
            self._records.extend(records)
            self._log_bytes = sum(size for _, size in self._records)
            self.next_record = next_record

    def _tail(self, stream: StreamRef) -> Tail:
        tail = self._tails.get(stream.id)
        if tail is None:
            tail = self._tails[stream.id] = Tail(stream)
        if tail.encoded and tail.stream != stream:
            tail.encoded.clear()
        tail.stream = stream
        return tail

    def _settle(self, move: Moved) -> None:
        stream, taken, rows = move
        tail = self._tails[stream]
        self._pending_bytes -= (rows - tail.committed) * tail.stream.layout.row_bytes
        if taken:
            # What is in records is at the front: none of it may stay without its records.
            assert taken >= tail.committed
            tail.drop_front(taken)
            tail.first_record = None
            self._keep_ahead(tail, taken)
        tail.committed = rows - taken
        if tail.committed and tail.first_record is None:
            tail.first_record = self.next_record
        if tail.committed == tail.rows:
            self._pending.discard(stream)
            if not tail.rows:
                del self._tails[stream]

    def _keep_ahead(self, tail: Tail, taken: int) -> None:
        """Forget the chunks of rows that are gone, go on with those that come now."""
        chunks, rest = divmod(taken, chunk_rows(tail.stream.layout.row_bytes))
        del tail.encoded[: None if rest else chunks]
        self._encoders.follow(tail)

    def _held_pending(self, tail: Tail) -> Held:
        self._encoders.retry(tail)
        hidden = 0 if tail.encoded else tail.committed
        encoded = tuple(tail.encoded[:CHUNKS_PER_COMMIT])
        return Held(tail.stream, tail.view(hidden), hidden, tail.committed, encoded)

    def _forget_records(self) -> None:
        recorded = (t.first_record for t in self._tails.values() if t.first_record is not None)
        oldest = min(recorded, default=self.next_record)
        while self._records and self._records[0][0] < oldest:
            self._log_bytes -= self._records.popleft()[1]
            self.has_obsolete_records = True


def _held(tail: Tail) -> Held:
    return Held(tail.stream, tail.view(), 0, tail.committed, ())


def _full_chunks(tail: Tail) -> int:
    return tail.rows // chunk_rows(tail.stream.layout.row_bytes)
