"""A cursor: a reader of one stream that goes on as rows come in.

While it keeps up it is fed from the live buffer, in the order in which rows are accepted. When it
starts in the past or has fallen behind it reads the store in time order, and rejoins the live
buffer where the two overlap. It never slows the writer.

What it promises: rows in order are delivered once each, with the breaks that the stream has. Late
rows (merged before others) are delivered as they come, between breaks, to a cursor that keeps up;
one that reads the store sees those ahead of its position in their place and none behind it. A
stream that stores nothing has no past: a cursor that falls behind there skips, with a break.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from joule.models.intervals import MIN_TIME, Interval
from joule.node.past import StoredRows
from joule.storage.interfaces import Block

if TYPE_CHECKING:
    from typing import Self

    from joule.models.layout import Layout, Rows
    from joule.node.live import Entry
    from joule.node.log import Log


class Cursor:
    """An asynchronous iterator of :class:`Block` with a bound on what it holds: one block.

    ``starts_interval`` says that a break lies between a block and the rows delivered before; it is
    False for the first block. A block without rows tells of a break as soon as the producer makes
    it. Rows must not be written to. The iteration ends when the producer has closed the stream and
    everything was delivered; if ``is_lasting`` it waits for the next producer instead. Cancelling
    a wait for a block loses nothing. One task at a time may iterate.
    """

    def __init__(self, log: Log, start: int | None = None, *, is_lasting: bool = False) -> None:
        self._log = log
        self._is_lasting = is_lasting
        self._start = start
        self._next: int | None = log.buffer.end if start is None else None
        self._position = _behind(log.tip) if start is None else start
        self._last: int | None = None
        self._end: int | None = None
        self._overlap_end = 0
        self._inserts_passed = log.inserts
        self._stored: StoredRows | None = None
        self._has_delivered = False
        self._break_told = False
        self._break_due = False
        self._in_late_rows = False
        self._news = asyncio.Event()
        self._is_closed = False
        log.follow(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop following; idempotent. A pending wait for a block ends the iteration."""
        self._is_closed = True
        self._log.unfollow(self)
        self._news.set()
        if self._stored is not None and not self._stored.is_busy:
            await self._leave_store()

    @property
    def layout(self) -> Layout:
        """Layout of the rows."""
        return self._log.layout

    # ------------------------------------------------------------------ called by the log

    @property
    def needs(self) -> int | None:
        """Number of the entry it fetches next, None while it reads the store."""
        return self._next

    def wake(self) -> None:
        """There is a new entry."""
        self._news.set()

    def note_change(self, changed: Interval) -> None:
        """Rows in a range of the past were added or removed."""
        if self._stored is not None and changed.end > self._position:
            self._stored.spoil(changed)

    def finish(self, end: int) -> None:
        """Entry number ``end`` and later ones are not for this cursor."""
        if self._end is None and not self._is_lasting:
            self._end = end
        self._news.set()

    # ------------------------------------------------------------------ iteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Block:
        while not self._is_closed:
            if self._next is None:
                block = await self._from_store()
            elif self._is_over():
                break
            else:
                block = await self._live()
            if block is not None:
                return block
        raise StopAsyncIteration

    def _is_over(self) -> bool:
        return self._next is not None and self._end is not None and self._next >= self._end

    def _deliver(self, rows: Rows, *, breaks: bool) -> Block | None:
        """Make a block, None when there is nothing to tell."""
        breaks = (breaks or self._break_due) and self._has_delivered and not self._break_told
        if not len(rows):
            self._break_told = self._break_told or breaks
            return Block(rows, starts_interval=True) if breaks else None
        self._has_delivered = True
        self._break_told = self._break_due = False
        return Block(rows, breaks)

    # ------------------------------------------------------------------ live

    async def _live(self) -> Block | None:
        """Give what comes next in the buffer, None after waiting for something to come."""
        self._news.clear()
        block = self._from_memory()
        if block is None and self._next is not None and not self._is_over():
            await self._news.wait()
        return block

    def _from_memory(self) -> Block | None:
        """Give what comes next in the buffer; None when that is all or it has to read the store."""
        buffer = self._log.buffer
        while self._next is not None and not self._is_over():
            if self._next < buffer.first:
                self._fall_behind()
            elif self._next == buffer.end:
                return None
            else:
                block = self._from_entry(buffer[self._next], self._next)
                self._next += 1
                if self._next == buffer.first + 1:
                    self._log.trim()
                if block is not None:
                    return block
        return None

    def _from_entry(self, entry: Entry, number: int) -> Block | None:
        if not len(entry.rows):
            return self._deliver(entry.rows, breaks=True)
        if 0 < entry.insert_number <= self._inserts_passed:
            return None
        skipped = self._count_unwanted(entry.rows, number)
        rows = entry.rows[skipped:]
        if not len(rows):
            return None
        is_late = entry.insert_number > 0
        breaks = (entry.starts_interval and not skipped) or is_late != self._in_late_rows
        self._in_late_rows = is_late
        if not is_late:
            self._pass(rows)
        return self._deliver(rows, breaks=breaks)

    def _count_unwanted(self, rows: Rows, number: int) -> int:
        """Count the rows of an entry that were read from the store or lie before the start."""
        wanted = MIN_TIME if self._start is None else self._start
        if number < self._overlap_end:
            wanted = max(wanted, self._position)
        times = rows["timestamp"]
        return 0 if times[0] >= wanted else int(np.searchsorted(times, wanted))

    def _pass(self, rows: Rows) -> None:
        self._last = int(rows["timestamp"][-1])
        self._position = self._last + 1

    def _fall_behind(self) -> None:
        """Entries that were to come next have left the buffer."""
        if self._in_late_rows or not self._log.is_stored:
            self._break_due = True
        self._in_late_rows = False
        self._next = None if self._log.is_stored else self._log.buffer.first

    # ------------------------------------------------------------------ from the store

    async def _from_store(self) -> Block | None:
        """Give the next block of the past; None when there is none or the cursor has rejoined."""
        log = self._log
        await log.load()
        if self._stored is None or self._stored.stale_from is not None:
            await self._leave_store()
            if not log.is_stored or self._position > log.buffer.floor:
                self._rejoin()
                return None
            self._stored = self._open_store()
        return await self._take_stored(self._stored)

    def _open_store(self) -> StoredRows:
        # Beginning at the last row delivered, the store tells whether a break follows it.
        start = self._position if self._last is None else self._last
        return StoredRows(self._log, Interval(start, self._log.buffer.floor + 1))

    async def _take_stored(self, stored: StoredRows) -> Block | None:
        try:
            block = await stored.take()
        except BaseException:
            await self._leave_store()
            raise
        if self._is_closed:
            await self._leave_store()
            return None
        if not stored.is_true(block):
            return None  # read again, from the same position
        if block is None:
            await self._leave_store()
            self._position = max(self._position, stored.interval.end)
            return None
        return self._from_block(block, is_first=stored.taken == 1)

    def _from_block(self, block: Block, *, is_first: bool) -> Block | None:
        rows, breaks = block
        if is_first and self._last is not None and len(rows):
            if rows["timestamp"][0] == self._last:
                rows = rows[1:]
            else:
                breaks = True  # the row it stood on has been removed, maybe with others
        if not len(rows):
            return None
        self._pass(rows)
        return self._deliver(rows, breaks=breaks)

    def _rejoin(self) -> None:
        self._next = self._log.buffer.find(self._position)
        self._overlap_end = self._log.buffer.end
        self._inserts_passed = self._log.inserts
        self._log.trim()

    async def _leave_store(self) -> None:
        stored, self._stored = self._stored, None
        if stored is not None:
            await stored.close()


def _behind(timestamp: int | None) -> int:
    return MIN_TIME if timestamp is None else timestamp + 1
