"""Rows of an archive on their way into a stream that may have some of them already."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from joule.models.intervals import Interval

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from joule.models.layout import Rows
    from joule.models.streams import DataStream
    from joule.node.local_node import LocalNode
    from joule.node.writer import Writer

    Times: TypeAlias = NDArray[np.int64]
    Mask: TypeAlias = NDArray[np.bool_]


class RowImport:
    """Stores the rows that are not there yet; the intervals become those of the archive.

    ``count`` is the number of rows stored, ``first_known`` the first timestamp that was there
    before, ``unfit`` the number of rows that hold what no stream can. ``previous`` is the
    timestamp of the row that the first ones continue, if the target has it.
    """

    def __init__(
        self, node: LocalNode, stream: DataStream, merge_gap_us: int, previous: int | None
    ) -> None:
        self.count = 0
        self.first_known: int | None = None
        self.unfit = 0
        self._node = node
        self._stream = stream
        self._merge_gap_us = merge_gap_us
        self._previous = previous
        self._writer: Writer | None = None

    async def add(self, rows: Rows) -> None:
        """Take rows later than those before; they continue the interval unless it was ended."""
        rows = self._fit(rows)
        if not len(rows):
            return
        known = await self._known(rows["timestamp"])
        edges = [0, *(np.flatnonzero(np.diff(known)) + 1).tolist(), len(rows)]
        for start, end in pairwise(edges):
            if known[start]:
                await self._pass_over(rows["timestamp"][start:end])
            else:
                await self._store(rows[start:end])

    def end_interval(self) -> None:
        """Put a break between the rows before and those to come."""
        self.leave()
        self._previous, self._merge_gap_us = None, 0

    def leave(self) -> None:
        """Let go of the stream: what was stored is kept, and durable with the next commit."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    # ------------------------------------------------------------------ inside

    def _fit(self, rows: Rows) -> Rows:
        values = rows["data"]
        if values.dtype.kind != "f":
            return rows
        fit = np.isfinite(values).all(axis=1)
        self.unfit += len(rows) - int(fit.sum())
        return rows if fit.all() else rows[fit]

    async def _known(self, times: Times) -> Mask:
        """Tell of each timestamp whether the stream has it."""
        known = np.zeros(len(times), dtype=bool)
        span = Interval(int(times[0]), int(times[-1]) + 1)
        if await self._node.data.intervals(self._stream, span):
            reading = await self._node.data.read(self._stream, span)
            async for block in reading.blocks:
                known |= np.isin(times, block.rows["timestamp"], assume_unique=True)
        return known

    async def _store(self, rows: Rows) -> None:
        if self._writer is None:
            gap_us = await self._gap_us(int(rows["timestamp"][0]))
            self._writer = await self._node.data.open_writer(
                self._stream, merge_gap_us=gap_us, can_retry=True, backfill=True
            )
        await self._writer.write(rows)
        self.count += len(rows)
        self._previous = int(rows["timestamp"][-1])

    async def _pass_over(self, times: Times) -> None:
        """Go on behind rows that are there; what was stored before them is joined to them."""
        first = int(times[0])
        if self.first_known is None:
            self.first_known = first
        if self._writer is not None and self._previous is not None:
            span = Interval(self._previous, first + 1)
            await self._node.data.consolidate(self._stream, span, first - self._previous)
        self.leave()
        self._merge_gap_us = 0
        self._previous = int(times[-1])

    async def _gap_us(self, first: int) -> int:
        """Give the gap that is closed before ``first``: to the row that it continues, if any."""
        gap_us, self._merge_gap_us = self._merge_gap_us, 0
        before = self._previous
        if before is None or before >= first:
            return gap_us
        runs = await self._node.data.intervals(self._stream, Interval(before, first))
        continues = runs == [Interval(before, before + 1)]
        return max(gap_us, first - before) if continues else gap_us
