"""Rows waiting in a pipe, and the breaks between them.

Pure bookkeeping for the reading side of a pipe: no waiting, no I/O. Rows are kept as packed bytes,
because numpy copies structured arrays field by field, many times slower than plain memory.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from joule.models.layout import Layout, Packed, Rows

_RETAINED_BYTES = 4 << 20
"""Larger memory than this is given back as soon as it is empty."""


class Backlog:
    """The rows of a pipe from the first unconsumed one to the last received one.

    The reader has seen the rows up to a mark. :meth:`advance` moves the mark to the next break or
    to the last row, :meth:`seen` copies everything up to the mark, :meth:`consume` drops rows from
    the front. Appending and consuming are amortised linear in the bytes that pass through.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._memory = np.empty(0, np.uint8)
        self._start = 0  # bytes into the memory: first unconsumed row,
        self._mark = 0  # first row not seen,
        self._end = 0  # first free byte
        self._breaks: deque[int] = deque()  # rows ever appended before each unseen break
        self._appended = 0

    @property
    def unconsumed(self) -> int:
        """Number of rows that were seen and not consumed."""
        return (self._mark - self._start) // self.layout.row_bytes

    @property
    def rows(self) -> int:
        """Number of rows held, seen or not."""
        return (self._end - self._start) // self.layout.row_bytes

    @property
    def has_news(self) -> bool:
        """Whether there are rows or breaks behind the mark."""
        return self._end > self._mark or bool(self._breaks)

    @property
    def has_unseen_rows(self) -> bool:
        """Whether there are rows behind the mark."""
        return self._end > self._mark

    def append(self, data: Packed) -> None:
        """Copy whole packed rows to the end."""
        self._make_room(len(data))
        self._memory[self._end : self._end + len(data)] = data
        self._end += len(data)
        self._appended += len(data) // self.layout.row_bytes

    def append_break(self) -> None:
        """Mark a break behind the last row."""
        self._breaks.append(self._appended)

    def advance(self) -> bool:
        """Move the mark to the next break, or to the end; tell whether it stands at a break."""
        if not self._breaks:
            self._mark = self._end
            return False
        behind = self._appended - self._breaks.popleft()
        self._mark = self._end - behind * self.layout.row_bytes
        return True

    def seen(self) -> Rows:
        """Copy the unconsumed rows up to the mark into an array of the caller's own."""
        packed = self._memory[self._start : self._mark].copy()
        return packed.view(self.layout.dtype)

    def consume(self, rows: int) -> None:
        """Drop seen rows from the front."""
        self._start += rows * self.layout.row_bytes
        if self._start == self._end:
            self._start = self._mark = self._end = 0
            if len(self._memory) > _RETAINED_BYTES:
                self._memory = np.empty(0, np.uint8)

    def _make_room(self, size: int) -> None:
        if self._end + size <= len(self._memory):
            return
        held = self._end - self._start
        # Moving within the memory is paid for by the consumed bytes in front; growing doubles.
        fits = held + size <= len(self._memory) and held <= self._start
        target = self._memory if fits else np.empty(max(2 * held, held + size), np.uint8)
        target[:held] = self._memory[self._start : self._end]
        self._memory = target
        self._mark -= self._start
        self._start, self._end = 0, held
