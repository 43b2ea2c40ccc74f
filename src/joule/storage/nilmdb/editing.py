"""Changes of what is stored: late rows merged, ranges removed, breaks taken away.

Every step leaves the stream whole: levels go first (what they lack is read from the rows), and old
rows are only taken away when a copy of what will be there is at the server.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.errors import DuplicateTimestampError
from joule.models.intervals import Interval
from joule.storage.nilmdb.reading import Windows
from joule.storage.nilmdb.rewriting import Covered, put
from joule.storage.nilmdb.searching import first_row, last_row
from joule.storage.nilmdb.stored import merged, piece_of
from joule.storage.stretch import Stretch, merge

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.nilmdb.levels import Levels
    from joule.storage.nilmdb.rewriting import Rewriter
    from joule.storage.nilmdb.stored import StoredPath

MERGED_BYTES: Final = 1 << 20
"""Late rows that lie among more older ones are merged in parts."""


class Editor:
    """Changes one stream; the caller is alone at its gate, and nothing of it is pending."""

    def __init__(self, stream: StreamRef, levels: Levels, rewriter: Rewriter) -> None:
        self._stream = stream
        self._levels = levels
        self._rewriter = rewriter
        self._path: StoredPath = levels.path(stream, 1)

    # ------------------------------------------------------------------ late rows

    async def insert(self, rows: Rows, *, starts_interval: bool, ends_interval: bool) -> None:
        """Merge late rows, at least one."""
        times = rows["timestamp"]
        bounds = Interval(int(times[0]), int(times[-1]) + 1)
        others = await self._path.count(bounds)
        if others:
            await self._refuse_duplicates(rows, bounds, others)
        await self._levels.uncover(self._stream, bounds)
        await self._merge(rows, before=starts_interval, behind=ends_interval)
        if not others and self._stream.decimate:
            await self._levels.fill(self._stream, rows, starts_interval=starts_interval)

    async def _refuse_duplicates(self, rows: Rows, bounds: Interval, others: int) -> None:
        windows = Windows(self._path, bounds, others)
        while not windows.is_done:
            times = (await windows.step())["timestamp"]
            doubles = np.intersect1d(times, rows["timestamp"], assume_unique=True)
            if len(doubles):
                raise DuplicateTimestampError(
                    f"a row with timestamp {int(doubles[0])} already exists"
                )

    async def _merge(self, rows: Rows, *, before: bool, behind: bool) -> None:
        bounds = Interval(int(rows["timestamp"][0]), int(rows["timestamp"][-1]) + 1)
        count = await self._path.count(bounds)
        half = len(rows) // 2
        if half and count * self._stream.layout.row_bytes > MERGED_BYTES:
            await self._merge(rows[:half], before=before, behind=False)
            await self._merge(rows[half:], before=False, behind=behind)
            return
        left = await last_row(self._path, bounds.start)
        right = await first_row(self._path, bounds.end)
        around = Interval(
            bounds.start if left is None else left, bounds.end if right is None else right + 1
        )
        whole = merge(await self._stretch(around), rows)
        first, last = whole.span(bounds)
        if first:
            whole = whole.with_break(first, present=before)
        if last < len(whole):
            whole = whole.with_break(last, present=behind)
        content = _between(whole, left, right)
        target = Interval(
            bounds.start if left is None else left + 1, bounds.end if right is None else right
        )
        if count:
            await self._rewriter.replace(self._path, self._stream.id, target, content)
        else:
            await put(self._path, target, content)

    async def _stretch(self, bounds: Interval) -> Stretch:
        rows = await self._path.extract(bounds)
        pieces = piece_of(rows, await self._path.coverage(bounds))
        return Stretch(rows, np.flatnonzero(np.diff(pieces)) + 1)

    # ------------------------------------------------------------------ rows and breaks go

    async def delete(self, interval: Interval) -> int:
        """Remove the rows of a range; a break stays between those around it."""
        extent, _ = await self._path.extent()
        bounds = interval.clip(extent)
        count = 0 if bounds is None else await self._path.count(bounds)
        if bounds is None or not count:
            return 0
        left = await last_row(self._path, bounds.start)
        right = await first_row(self._path, bounds.end)
        removed = Interval(
            extent.start if left is None else left + 1, extent.end if right is None else right
        )
        await self._levels.uncover(self._stream, removed)
        await self._path.remove(removed)
        return count

    async def consolidate(self, interval: Interval, max_gap_us: int) -> int:
        """Cover the short gaps inside a range."""
        closed = 0
        for left, right in pairwise(await self._path.coverage()):
            is_inside = left.end > interval.start and right.start < interval.end
            if is_inside and right.start - left.end <= max_gap_us:
                gap = Interval(left.end, right.start)
                await self._path.insert(gap, self._stream.layout.empty())
                closed += 1
        if closed:
            self._levels.forget(self._stream.id)
        return closed


def _between(whole: Stretch, left: int | None, right: int | None) -> list[Covered]:
    """Give what is to be stored between two rows that are there, each the first or the last one.

    Time is covered up to a neighbour that no break parts from the rows.
    """
    found: list[Covered] = []
    for run in whole.runs():
        rows, interval = run.rows, Interval(run.first, run.last + 1)
        if run.first == left:
            rows, interval = rows[1:], interval._replace(start=left + 1)
        if run.last == right:
            rows, interval = rows[:-1], interval._replace(end=right)
        if interval.start < interval.end:
            found.append(Covered(interval, rows))
    return [_grouped(found, piece) for piece in merged(iter([c.interval for c in found]))]


def _grouped(found: list[Covered], piece: Interval) -> Covered:
    """Join what lies in one piece of time: runs with no time between them."""
    inside = [covered.rows for covered in found if covered.interval.clip(piece) is not None]
    return Covered(piece, np.concatenate(inside) if len(inside) > 1 else inside[0])
