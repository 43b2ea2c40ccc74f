"""The live buffer: the newest rows of a stream, in the order in which they were accepted.

It holds what some cursor still has to fetch, never more than its bound (the newest entry always
fits), and never more than the bound of all buffers together. It knows nothing of the store.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.models.intervals import MIN_TIME

if TYPE_CHECKING:
    from joule.models.layout import Rows

STREAM_BYTES_MAX = 1024 * 1024
"""Rows of one stream that are kept for cursors that are a little late."""

ALL_BYTES_MAX = 32 * 1024 * 1024
"""Rows of all streams together."""

ENTRY_BYTES = 128
"""What an entry takes beside its rows."""

NOTHING = MIN_TIME - 1
"""A time before every timestamp."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows that were accepted together; no rows at all announce that an interval has ended.

    ``starts_interval`` says that a break lies before the first row. ``insert_number`` is 0 for
    rows behind all others of the stream and counts up for those that were merged between or
    before others.
    """

    rows: Rows
    starts_interval: bool
    insert_number: int = 0

    @property
    def last(self) -> int:
        """Timestamp of the last row."""
        return int(self.rows["timestamp"][-1])

    @property
    def size_bytes(self) -> int:
        """Memory that the entry takes."""
        return int(self.rows.nbytes) + ENTRY_BYTES


class LiveBuffer:
    """Entries with consecutive numbers, from ``first`` up to ``end`` (exclusive).

    ``floor`` is a timestamp: every row of the stream later than it is in the buffer.
    """

    def __init__(self, budget: LiveBudget) -> None:
        self._budget = budget
        self._entries: deque[Entry] = deque()
        self.first = 0
        self.floor = NOTHING
        self.size_bytes = 0

    @property
    def end(self) -> int:
        """Number that the next entry will have."""
        return self.first + len(self._entries)

    def __getitem__(self, number: int) -> Entry:
        return self._entries[number - self.first]

    def push(self, entry: Entry) -> None:
        """Add an entry and let go of the oldest ones that are too many."""
        self._entries.append(entry)
        self._resize(entry.size_bytes)
        while self.size_bytes > STREAM_BYTES_MAX and len(self._entries) > 1:
            self.drop_oldest()
        self._budget.enforce()

    def pass_over(self, last: int) -> None:
        """Count an entry that nobody has to fetch, with rows in order up to ``last``; is empty."""
        self.first += 1
        self.raise_floor(last)

    def drop_oldest(self) -> None:
        """Let go of the oldest entry; its rows are found in the store from now on."""
        entry = self._entries.popleft()
        self.first += 1
        self._resize(-entry.size_bytes)
        if len(entry.rows) and not entry.insert_number:
            self.raise_floor(entry.last)

    def drop_before(self, number: int) -> None:
        """Let go of the entries before ``number``."""
        while self._entries and self.first < number:
            self.drop_oldest()

    def raise_floor(self, timestamp: int) -> None:
        """Say that rows up to ``timestamp`` must be looked for in the store."""
        self.floor = max(self.floor, timestamp)

    def find(self, timestamp: int) -> int:
        """Give the number of the entry with the first row in order at or after ``timestamp``.

        Without such a row it is the number behind the last rows in order, so that the end of an
        interval after them is found.
        """
        number = self.end
        while number > self.first:
            entry = self[number - 1]
            if len(entry.rows) and not entry.insert_number and entry.last < timestamp:
                break
            number -= 1
        return self._skip_breaks(number)

    def _skip_breaks(self, number: int) -> int:
        """Pass the ends of intervals before a row: they may lie before rows already passed."""
        following = number
        while following < self.end and not len(self[following].rows):
            following += 1
        return number if following == self.end else following

    def _resize(self, change: int) -> None:
        self.size_bytes += change
        self._budget.resize(self, change)


class LiveBudget:
    """The bound over all live buffers: the largest one gives way."""

    def __init__(self, bytes_max: int = ALL_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._holders: set[LiveBuffer] = set()
        self.size_bytes = 0

    def resize(self, buffer: LiveBuffer, change: int) -> None:
        """Note that ``buffer`` has grown or shrunk."""
        self.size_bytes += change
        if buffer.size_bytes:
            self._holders.add(buffer)
        else:
            self._holders.discard(buffer)

    def enforce(self) -> None:
        """Take entries from the largest buffers until all fit."""
        while self.size_bytes > self._bytes_max and self._holders:
            max(self._holders, key=lambda buffer: buffer.size_bytes).drop_oldest()
