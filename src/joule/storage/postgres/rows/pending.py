"""Rows that were accepted and are not yet known to be stored, of one stream, in memory.

Rows are only ever added at the end and taken away from the front, and no row is written to again:
a view stays what it was, whoever holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.models.intervals import ALL_TIME, Interval
from joule.storage.stretch import FIRST_ROW, NO_BREAKS, Stretch, join

if TYPE_CHECKING:
    from joule.models.layout import Rows

JOINED_BYTES_MAX: Final = 64 * 1024
"""Pieces up to this size are joined, so that a row at a time does not make a piece each."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Pending rows at one moment, in pieces; never changes."""

    pieces: tuple[Stretch, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(map(len, self.pieces))

    @property
    def bytes(self) -> int:
        """Size of the rows."""
        return sum(piece.rows.nbytes for piece in self.pieces)

    @property
    def first(self) -> int | None:
        """Timestamp of the first row, None when there is none."""
        return self.pieces[0].first if self.pieces else None

    @property
    def last(self) -> int | None:
        """Timestamp of the last row, None when there is none."""
        return self.pieces[-1].last if self.pieces else None

    def stored_part(self, interval: Interval) -> Interval:
        """Give the part of a range that is looked up in the database.

        What is pending may be there as well by the time of the look, so it ends before that.
        """
        first = self.first
        return interval if first is None else interval._replace(end=min(interval.end, first))

    def clip(self, interval: Interval) -> View:
        """Rows in ``[start, end)``."""
        clipped = (piece.clip(interval) for piece in self.pieces)
        return View(tuple(piece for piece in clipped if len(piece)))

    def split(self, rows: int) -> tuple[View, View]:
        """Give the first rows and the others, as views."""
        first, others = [], []
        for piece in self.pieces:
            here = min(rows, len(piece))
            rows -= here
            if here:
                first.append(piece.part(0, here))
            if here < len(piece):
                others.append(piece.part(here, len(piece)))
        return View(tuple(first)), View(tuple(others))

    def last_before(self, time: int) -> int | None:
        """Timestamp of the last row earlier than ``time``, None when there is none."""
        return self.clip(ALL_TIME._replace(end=time)).last

    def after(self, time: int) -> Stretch | None:
        """Give the first row at or after ``time``, with the break before it if there is one."""
        for piece in self.pieces:
            start, end = piece.span(ALL_TIME._replace(start=time))
            if start < end:
                return piece.part(start, start + 1)
        return None


class Pending:
    """The pending rows of one stream."""

    def __init__(self) -> None:
        self._pieces: list[Stretch] = []
        self.bytes = 0

    def append(self, rows: Rows, *, starts_interval: bool) -> None:
        """Add rows at the end, at least one; takes ownership."""
        rows = rows[:]
        rows.flags.writeable = False  # readers get views of these rows
        self.bytes += rows.nbytes
        piece = Stretch(rows, FIRST_ROW if starts_interval else NO_BREAKS)
        # Like a number in binary that is counted up: each row is copied but a few times.
        while self._pieces and len(self._pieces[-1]) <= len(piece):
            if self._pieces[-1].rows.nbytes + piece.rows.nbytes > JOINED_BYTES_MAX:
                break
            piece = join([self._pieces.pop(), piece])
        self._pieces.append(piece)

    def view(self) -> View:
        """Give the rows as they are now."""
        return View(tuple(self._pieces))

    def drop_until(self, last: int) -> None:
        """Forget the rows up to the timestamp ``last``: they are stored."""
        while self._pieces and self._pieces[0].first <= last:
            piece = self._pieces.pop(0)
            count = int(np.searchsorted(piece.rows["timestamp"], last, side="right"))
            self.bytes -= count * piece.rows.itemsize
            if count < len(piece):
                self._pieces.insert(0, piece.part(count, len(piece)))
