"""One path of a NilmDB server: its rows, and the time that they cover.

NilmDB has no breaks but covered time: a break lies between two rows when some of the time between
them is not covered. Covered times that touch are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.errors import StorageDamagedError
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.models.layout import Layout, Rows
    from joule.storage.nilmdb.session import Session

    Pieces = np.ndarray[Any, np.dtype[np.intp]]

INSERT_BYTES: Final = 1 << 20
"""So much is sent in one request."""

UNLIMITED: Final = 1 << 62


class StoredPath:
    """A path with the layout of its rows; it need not exist to be asked or emptied."""

    def __init__(self, session: Session, path: str, layout: Layout) -> None:
        self.path = path
        self.layout = layout
        self._session = session

    async def create(self) -> None:
        """Make the path, unless it is there."""
        await self._session.create(self.path, str(self.layout))

    async def extent(self) -> tuple[Interval, int]:
        """Give the time from the first to behind the last row and their number; empty without."""
        for entry in await self._session.entries(self.path):
            if entry.path == self.path and entry.extent is not None:
                return entry.extent, entry.rows
        return Interval(0, 0), 0

    async def coverage(self, bounds: Interval = ALL_TIME) -> list[Interval]:
        """Give the covered time within bounds; neighbours do not touch."""
        if bounds.start >= bounds.end:
            return []
        return merged(
            part
            for piece in await self._session.intervals(self.path, bounds)
            if (part := piece.clip(bounds)) is not None
        )

    async def count(self, bounds: Interval) -> int:
        """Count the rows within bounds."""
        return await self._session.count(self.path, bounds) if bounds.start < bounds.end else 0

    async def extract(self, bounds: Interval) -> Rows:
        """Give all rows within bounds; the caller knows that they are not many."""
        return (await self.extract_some(bounds, UNLIMITED))[0]

    async def extract_some(self, bounds: Interval, bytes_max: int) -> tuple[Rows, bool]:
        """Give the first rows within bounds, and whether these are all."""
        if bounds.start >= bounds.end:
            return self.layout.empty(), True
        data = await self._session.extract(self.path, bounds, bytes_max)
        whole = len(data) - len(data) % self.layout.row_bytes
        is_all = len(data) <= bytes_max
        if is_all and whole < len(data):
            raise StorageDamagedError(f"NilmDB sent a part of a row of [{self.path}]")
        return self.layout.view(memoryview(data)[:whole]), is_all

    async def insert_at_once(self, bounds: Interval, rows: Rows) -> None:
        """Put rows into a time that is not covered, and cover all of it, or do nothing."""
        await self._session.insert(self.path, bounds, packed(rows).tobytes())

    async def insert(self, bounds: Interval, rows: Rows) -> None:
        """Put rows into a time that is not covered, and cover all of it, in parts."""
        step = max(1, INSERT_BYTES // self.layout.row_bytes)
        start = bounds.start
        for first in range(0, max(len(rows), 1), step):
            part = rows[first : first + step]
            is_last = first + step >= len(rows)
            end = bounds.end if is_last else int(part["timestamp"][-1]) + 1
            await self.insert_at_once(Interval(start, end), part)
            start = end

    async def remove(self, bounds: Interval = ALL_TIME) -> None:
        """Remove the rows within bounds; the time is not covered any more."""
        if bounds.start < bounds.end:
            await self._session.remove(self.path, bounds)

    async def destroy(self) -> None:
        """Remove the path with everything at it."""
        await self.remove()
        await self._session.destroy(self.path)


def merged(pieces: Iterator[Interval]) -> list[Interval]:
    """Join the pieces that touch; they are in order."""
    found: list[Interval] = []
    for piece in pieces:
        if found and found[-1].end >= piece.start:
            found[-1] = Interval(found[-1].start, max(found[-1].end, piece.end))
        else:
            found.append(piece)
    return found


def piece_of(rows: Rows, coverage: Sequence[Interval]) -> Pieces:
    """Give for each row the number of the piece of covered time it lies in."""
    starts = np.array([piece.start for piece in coverage], dtype=np.int64)
    return np.searchsorted(starts, rows["timestamp"], side="right")
