"""The rows of a path, window by window, with the breaks that its coverage tells.

Nothing is held between two windows: each begins behind the last row of the one before, whatever
was added, removed or rewritten meanwhile. A window is as long as the last one makes seem right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from joule.models.intervals import Interval
from joule.storage.nilmdb.stored import piece_of
from joule.storage.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.layout import Rows
    from joule.storage.nilmdb.gate import Gate
    from joule.storage.nilmdb.stored import StoredPath

WINDOW_BYTES: Final = 1 << 20
GROWTH_MAX: Final = 8


class Windows:
    """Reads a range of a path in pieces of about 1 MiB, never more than 2 MiB."""

    def __init__(self, path: StoredPath, bounds: Interval, rows: int) -> None:
        self._path = path
        self._wanted = max(1, WINDOW_BYTES // path.layout.row_bytes)
        self._span = bounds.end - bounds.start
        if rows > self._wanted:
            self._span = max(1, self._span * self._wanted // rows)
        self.position = bounds.start
        self.end = bounds.end

    @property
    def is_done(self) -> bool:
        """Whether the range is read."""
        return self.position >= self.end

    async def step(self) -> Rows:
        """Give the next rows, perhaps none."""
        bounds = Interval(self.position, min(self.end, self.position + self._span))
        rows, is_all = await self._path.extract_some(bounds, 2 * WINDOW_BYTES)
        # Of rows wider than a window at least one must come.
        if not is_all and not len(rows):
            rows = (await self._path.extract(Interval(bounds.start, bounds.end)))[:1]
        self.position = bounds.end if is_all else int(rows["timestamp"][-1]) + 1
        self._adapt(len(rows))
        return rows

    def _adapt(self, rows: int) -> None:
        low, high = max(1, self._span // GROWTH_MAX), self._span * GROWTH_MAX
        self._span = min(max(self._span * self._wanted // max(rows, 1), low), high)


class RowReader:
    """Reads about ``rows`` rows with their breaks.

    A break before the first one of all is told when ``last``, the row before, is known.
    """

    def __init__(
        self, path: StoredPath, bounds: Interval, rows: int, last: int | None = None
    ) -> None:
        self._path = path
        self._windows = Windows(path, bounds, rows)
        self._last = last

    @property
    def is_done(self) -> bool:
        """Whether the range is read."""
        return self._windows.is_done

    async def step(self) -> Stretch | None:
        """Give the next rows, None when the window has none; the caller has passed the gate."""
        found = await self._windows.step()
        if not len(found):
            return None
        last, times = self._last, found["timestamp"]
        self._last = int(times[-1])
        begin = int(times[0]) if last is None else last
        coverage = await self._path.coverage(Interval(begin, self._last + 1))
        pieces = piece_of(found, coverage)
        # The row before is in the first piece, or in a time that is not covered any more.
        before = pieces[0] if last is None else int(bool(coverage) and coverage[0].start <= last)
        return Stretch(found, np.flatnonzero(np.diff(pieces, prepend=before)))


async def stretches(
    path: StoredPath, gate: Gate, bounds: Interval, rows: int
) -> AsyncIterator[Stretch]:
    """Give the rows within bounds; there are about ``rows``.

    A break at the first row of a stretch lies between it and the stretch before.
    """
    reader = RowReader(path, bounds, rows)
    while not reader.is_done:
        async with gate.shared():
            found = await reader.step()
        if found is not None:
            yield found
