"""The rows of a stream behind its last chunk, in memory: accepted, and perhaps in tail records.

Rows are only ever added at the end and taken away from the front, and the memory of a row is
never written twice. So a view stays what it was while the tail goes on, whoever holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.storage.stretch import NO_BREAKS, Stretch, join

if TYPE_CHECKING:
    from concurrent.futures import Future

    from joule.storage.embedded.chunk_table import NewChunk
    from joule.storage.interfaces import StreamRef

COPIED_BYTES_MAX: Final = 16 * 1024
"""Appended rows of up to this size are gathered in a buffer; larger ones are kept as they are."""
BUFFER_BYTES_MAX: Final = 64 * 1024
BUFFER_ROWS_MIN: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Rows of a tail at one moment, in pieces; never changes."""

    pieces: tuple[Stretch, ...]
    rows: int

    def part(self, start: int, end: int) -> Stretch:
        """Rows with the indices ``[start, end)``; there is at least one."""
        if len(self.pieces) == 1 and end - start == self.rows:
            return self.pieces[0]
        found: list[Stretch] = []
        offset = self.rows
        for piece in reversed(self.pieces):  # mostly it is the last few rows that are wanted
            size = len(piece.rows)
            offset -= size
            if offset < end:
                found.append(piece.part(max(start - offset, 0), min(end - offset, size)))
            if offset <= start:
                break
        return join(found[::-1])

    @property
    def first(self) -> int | None:
        """Timestamp of the first row, None when there is none."""
        return self.pieces[0].first if self.pieces else None


class Tail:
    """The tail of one stream. Not safe for threads: the owner holds a lock.

    ``committed`` rows from the front are in tail records, of which ``first_record`` is the oldest.
    ``encoded`` are the chunks that its rows from the front fill, as far as they were begun.
    """

    def __init__(self, stream: StreamRef) -> None:
        self.stream = stream
        self.rows = 0
        self.committed = 0
        self.first_record: int | None = None
        self.encoded: list[Future[NewChunk]] = []
        self._closed: list[Stretch] = []
        # Small appends are gathered here: rows [low, used) of the buffer, behind all closed ones.
        self._buffer = stream.layout.empty()
        self._low = self._used = 0
        self._breaks: list[int] = []

    def append(self, stretch: Stretch) -> None:
        """Add rows at the end; large arrays are kept, not copied."""
        if stretch.rows.nbytes > COPIED_BYTES_MAX:
            self._close_buffer(0)
            self._closed.append(stretch)
        else:
            if len(stretch) > len(self._buffer) - self._used:
                self._close_buffer(self._next_size(len(stretch)))
            self._copy(stretch)
        self.rows += len(stretch)

    def view(self, start: int = 0) -> View:
        """Give the rows from the index ``start`` on, as they are now."""
        rows = self.rows - start
        if rows <= self._used - self._low:
            return View(self._buffered(self._used - rows), rows)
        view = View((*self._closed, *self._buffered(self._low)), self.rows)
        return View((view.part(start, self.rows),), rows) if start else view

    def drop_front(self, count: int) -> None:
        """Forget the first ``count`` rows."""
        self.rows -= count
        while count and self._closed:
            piece = self._closed.pop(0)
            if len(piece) > count:
                self._closed.insert(0, piece.part(count, len(piece)))
            count -= min(count, len(piece))
        self._low += count

    def _copy(self, stretch: Stretch) -> None:
        start, self._used = self._used, self._used + len(stretch)
        self._buffer[start : self._used] = stretch.rows
        if len(stretch.breaks):
            self._breaks.extend((stretch.breaks + start).tolist())

    def _buffered(self, low: int) -> tuple[Stretch, ...]:
        """Give the rows of the buffer from ``low`` on, none or one stretch."""
        if low == self._used:
            return ()
        rows = self._buffer[low : self._used]
        rows.flags.writeable = False
        if not self._breaks:
            return (Stretch(rows, NO_BREAKS),)
        breaks = np.array(self._breaks, dtype=np.intp) - low
        return (Stretch(rows, breaks[breaks >= 0]),)

    def _next_size(self, rows: int) -> int:
        """Twice the rows of the last buffer within bounds, and room for at least ``rows``."""
        most = BUFFER_BYTES_MAX // self.stream.layout.row_bytes
        return max(min(2 * len(self._buffer), most), BUFFER_ROWS_MIN, rows)

    def _close_buffer(self, next_size: int) -> None:
        """Put what is in the buffer behind the closed rows and take a new one."""
        self._closed.extend(self._buffered(self._low))
        self._buffer = np.empty(next_size, dtype=self.stream.layout.dtype)
        self._low = self._used = 0
        self._breaks = []
