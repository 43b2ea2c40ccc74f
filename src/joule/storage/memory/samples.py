"""Rows in arrays: one sorted array per stream, and which of its rows start an interval."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import DuplicateTimestampError
from joule.models.decimation import reduce
from joule.models.intervals import Interval
from joule.storage.interfaces import Block, DecimatedBlock, SampleInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from joule.models.layout import Layout, Rows
    from joule.storage.interfaces import StreamRef

    Flags = np.ndarray[Any, np.dtype[np.bool_]]

BLOCK_BYTES = 512 * 1024


class Series:
    """The rows of one stream; an array once given out is never changed."""

    def __init__(self, layout: Layout) -> None:
        self._rows: list[Rows] = [layout.empty()]
        self._starts: list[Flags] = [np.zeros(0, dtype=bool)]

    @property
    def rows(self) -> Rows:
        """``(n,)`` rows in time order."""
        if len(self._rows) > 1:
            self._rows = [np.concatenate(self._rows)]
        return self._rows[0]

    @property
    def starts(self) -> Flags:
        """``(n,)`` flags: there is a break before this row; never before the first."""
        if len(self._starts) > 1:
            self._starts = [np.concatenate(self._starts)]
        self._starts[0][:1] = False
        return self._starts[0]

    @property
    def times(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """``(n,)`` timestamps."""
        return self.rows["timestamp"]

    def replace(self, rows: Rows, starts: Flags) -> None:
        """Set all rows and flags."""
        self._rows, self._starts = [rows], [starts]

    def append(self, rows: Rows, *, starts_interval: bool) -> None:
        """Put rows behind the last."""
        starts = np.zeros(len(rows), dtype=bool)
        starts[:1] = starts_interval
        self._rows.append(rows)
        self._starts.append(starts)

    def span(self, interval: Interval) -> tuple[int, int]:
        """Give the indices ``first`` and ``last`` (exclusive) of the rows in ``[start, end)``."""
        first, last = np.searchsorted(self.times, np.array(interval, dtype=np.int64))
        return int(first), max(int(first), int(last))

    def runs(self, interval: Interval) -> Iterator[tuple[int, int]]:
        """Give the index bounds of the unbroken runs of rows in ``[start, end)``."""
        first, last = self.span(interval)
        if first == last:
            return
        cuts = first + 1 + np.flatnonzero(self.starts[first + 1 : last])
        edges = [first, *cuts.tolist(), last]
        yield from itertools.pairwise(edges)

    def ends_in_gap(self, interval: Interval) -> bool:
        """Whether ``[start, end)`` has rows and reaches beyond the end of the last one's run."""
        first, last = self.span(interval)
        if first == last or last == len(self.rows) or not self.starts[last]:
            return False
        return interval.end > int(self.times[last - 1]) + 1


class MemorySamples:
    """A ``SampleStore`` in arrays; decimated views are always computed when they are read."""

    def __init__(self) -> None:
        self._series: dict[int, Series] = {}
        self._pending_bytes = 0

    @property
    def pending_bytes(self) -> int:
        return self._pending_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes that all rows take."""
        return sum(series.rows.nbytes for series in self._series.values())

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool = False) -> None:
        self._of(stream).append(rows, starts_interval=starts_interval)
        self._pending_bytes += rows.nbytes

    async def commit(self) -> None:
        self._pending_bytes = 0

    async def make_room(self) -> None:
        await self.commit()

    async def insert(
        self, stream: StreamRef, rows: Rows, *, starts_interval: bool, ends_interval: bool
    ) -> None:
        if not len(rows):
            return
        series = self._of(stream)
        at = np.searchsorted(series.times, rows["timestamp"])
        _refuse_duplicates(series, rows, at)
        starts = series.starts.copy()
        starts[at[at < len(starts)]] = False  # the new rows bridge the breaks they fall into
        starts = np.insert(starts, at, False)
        first, last = int(at[0]), int(at[-1]) + len(rows) - 1
        starts[first] = starts_interval
        starts[last + 1 : last + 2] = ends_interval
        series.replace(np.insert(series.rows, at, rows), starts)

    async def last_before(self, stream: StreamRef, timestamp: int) -> int | None:
        times = self._of(stream).times
        index = int(np.searchsorted(times, timestamp))
        return int(times[index - 1]) if index else None

    async def info(self, stream: StreamRef) -> SampleInfo:
        series = self._of(stream)
        if not len(series.rows):
            return SampleInfo()
        first, last = int(series.times[0]), int(series.times[-1])
        return SampleInfo(len(series.rows), first, last, series.rows.nbytes)

    async def infos(self, streams: Sequence[StreamRef]) -> list[SampleInfo]:
        return [await self.info(stream) for stream in streams]

    async def count(self, stream: StreamRef, interval: Interval) -> int:
        first, last = self._of(stream).span(interval)
        return last - first

    async def read(self, stream: StreamRef, interval: Interval) -> AsyncIterator[Block]:
        series = self._of(stream)
        rows, runs = series.rows, list(series.runs(interval))
        ends_in_gap = series.ends_in_gap(interval)
        step = max(1, BLOCK_BYTES // stream.layout.row_bytes)
        for number, (first, last) in enumerate(runs):
            for start in range(first, last, step):
                starts_interval = number > 0 and start == first
                yield Block(rows[start : min(start + step, last)], starts_interval)
        if ends_in_gap:
            yield Block(stream.layout.empty(), starts_interval=True)

    async def read_decimated(
        self, stream: StreamRef, interval: Interval, level: int
    ) -> AsyncIterator[DecimatedBlock]:
        series = self._of(stream)
        rows, runs = series.rows, list(series.runs(interval))
        ends_in_gap = series.ends_in_gap(interval)
        for number, (first, last) in enumerate(runs):
            yield DecimatedBlock(reduce(rows[first:last], level), starts_interval=number > 0)
        if ends_in_gap:
            yield DecimatedBlock(reduce(stream.layout.empty(), level), starts_interval=True)

    async def intervals(self, stream: StreamRef, interval: Interval) -> list[Interval]:
        series = self._of(stream)
        times = series.times
        runs = series.runs(interval)
        return [Interval(int(times[first]), int(times[last - 1]) + 1) for first, last in runs]

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        series = self._of(stream)
        first, last = series.span(interval)
        if first < last:
            starts = series.starts.copy()
            starts[last : last + 1] = True
            doomed = slice(first, last)
            series.replace(np.delete(series.rows, doomed), np.delete(starts, doomed))
        return last - first

    async def consolidate(self, stream: StreamRef, interval: Interval, max_gap_us: int) -> int:
        series = self._of(stream)
        starts, times = series.starts.copy(), series.times
        breaks = [first for first, _ in series.runs(interval)][1:]
        small = [i for i in breaks if int(times[i]) - int(times[i - 1]) - 1 <= max_gap_us]
        starts[small] = False
        series.replace(series.rows, starts)
        return len(small)

    async def decimate(self, stream: StreamRef) -> None:
        """Do nothing: no groups are stored."""

    async def drop_decimations(self, stream: StreamRef) -> None:
        """Do nothing: no groups are stored."""

    async def retain(self, stream: StreamRef, before: int) -> int:
        series = self._of(stream)
        doomed = int(np.searchsorted(series.times, before))
        if doomed:
            series.replace(series.rows[doomed:].copy(), series.starts[doomed:].copy())
        return doomed

    async def drop(self, streams: Sequence[int]) -> None:
        for stream_id in streams:
            self._series.pop(stream_id, None)

    def _of(self, stream: StreamRef) -> Series:
        return self._series.setdefault(stream.id, Series(stream.layout))


def _refuse_duplicates(series: Series, rows: Rows, at: np.ndarray[Any, Any]) -> None:
    """Raise ``DuplicateTimestampError`` for the first of ``rows`` that is already stored."""
    inside = at < len(series.rows)
    stored = series.times[at[inside]]
    doubles = stored[stored == rows["timestamp"][inside]]
    if len(doubles):
        raise DuplicateTimestampError(f"a row with timestamp {int(doubles[0])} already exists")
