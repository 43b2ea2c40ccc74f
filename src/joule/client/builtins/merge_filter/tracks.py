"""One input of a merge: the rows of its current interval that are still needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joule.models.layout import Rows
    from joule.models.pipes import Pipe


class Track:
    """The current interval of an input, as far as it has been received.

    ``is_over`` says that nothing more will come in this interval.
    """

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.rows: Rows = np.empty(0, pipe.dtype)
        self.is_over = False
        self._has_begun = False

    @property
    def lacks_rows(self) -> bool:
        """Whether no row is waiting."""
        return not len(self.rows)

    @property
    def start(self) -> int:
        """Timestamp of the first row that is waiting."""
        return int(self.rows["timestamp"][0])

    @property
    def end(self) -> int:
        """Timestamp of the last row that is waiting."""
        return int(self.rows["timestamp"][-1])

    async def receive(self) -> bool:
        """Wait for more of the current interval; False when the input has ended."""
        if not await self.pipe.not_empty():
            return False
        rows = await self.pipe.read()
        self.pipe.consume(len(rows))
        self.rows = np.concatenate([self.rows, rows])
        self._has_begun = self._has_begun or len(rows) > 0
        self.is_over = self._has_begun and self.pipe.end_of_interval
        return True

    def next_interval(self) -> None:
        """Leave the current interval."""
        self.rows = self.rows[:0]
        self._has_begun = self.is_over = False

    def drop_before(self, timestamp: int) -> int:
        """Drop the rows before a time and give their number."""
        count = int(np.searchsorted(self.rows["timestamp"], timestamp))
        self.rows = self.rows[count:]
        return count

    def take_until(self, timestamp: int | None) -> Rows:
        """Take the rows up to and including a time, all of them without one."""
        if timestamp is None:
            count = len(self.rows)
        else:
            count = int(np.searchsorted(self.rows["timestamp"], timestamp, side="right"))
        rows, self.rows = self.rows[:count], self.rows[count:]
        return rows

    def forget_before(self, timestamp: int) -> None:
        """Drop the rows that are not needed to interpolate at a time or later."""
        count = int(np.searchsorted(self.rows["timestamp"], timestamp, side="right"))
        self.rows = self.rows[max(0, count - 1) :]


def interpolate(rows: Rows, timestamps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give ``(n, width)`` values at times within ``rows``, linear between neighbouring rows."""
    origin = rows["timestamp"][0]
    at = (timestamps - origin).astype(np.float64)
    known = (rows["timestamp"] - origin).astype(np.float64)
    columns: list[NDArray[Any]] = [np.interp(at, known, column) for column in rows["data"].T]
    return np.stack(columns, axis=1)
