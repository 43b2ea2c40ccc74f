"""Decimated rows of a range, page by page: from stored groups where whole ones lie in the range.

A page sees one state of the database and ends where a group ends; nothing is held between pages.
What is found is as coarse as was asked for or finer, and is joined with its neighbours, and with
the rows that are not stored yet, to groups of the level asked for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import asyncpg
import numpy as np

from joule.models.decimation import Groups, concat, reduce
from joule.storage.interfaces import DecimatedBlock
from joule.storage.packing import Packer
from joule.storage.postgres import covering, level_table
from joule.storage.postgres.pyramid import to_groups
from joule.storage.postgres.row_reading import snapshot
from joule.storage.stretch import FIRST_ROW, Stretch
from joule.storage.summary import Summary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator

    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.pending import View
    from joule.storage.postgres.server import Server
    from joule.storage.stretch import Indices

PAGE_BYTES: Final = 512 * 1024
"""So much is read of a level for a page."""

_Found: TypeAlias = "Stretch | Summary"
"""Rows where nothing coarser is stored, otherwise groups."""


class _Page(NamedTuple):
    """What was found of each level, the breaks among it and behind it, and where it ends."""

    levels: dict[int, Rows]
    breaks: list[int]
    end: int


async def read_groups(
    server: Server,
    stream: StreamRef,
    interval: Interval,
    level: int,
    *,
    pending: View,
    ends_in_gap: Callable[[], Awaitable[bool]],
) -> AsyncGenerator[DecimatedBlock, None]:
    """Groups of about ``level`` rows of ``[start, end)``: ``SampleStore.read_decimated``.

    ``pending`` are the rows that were not stored when the read began. ``ends_in_gap`` is asked at
    the end whether the range reaches past the end of an interval into a gap.
    """
    joiner = _Joiner(level)
    stored = _StoredGroups(server, stream, pending.stored_part(interval), level)
    async for found in stored.pages():
        for block in joiner.push(found):
            yield block
    for piece in pending.clip(interval).pieces:
        for block in joiner.push(piece):
            yield block
    for block in joiner.finish():
        yield block
    if joiner.begun and await ends_in_gap():
        yield DecimatedBlock(reduce(stream.layout.empty(), 1), starts_interval=True)


class _StoredGroups:
    """Reads the stored part of a range, as coarse as ``level`` where it can.

    ``ends_interval`` says that a break lies behind all that was found so far.
    """

    def __init__(self, server: Server, stream: StreamRef, interval: Interval, level: int) -> None:
        self._server = server
        self._stream = stream
        self._interval = interval
        self._level = level
        self.ends_interval = False

    async def pages(self) -> AsyncIterator[_Found]:
        """Give rows and groups in order, with the breaks before them."""
        position = self._interval.start
        while position < self._interval.end:
            page = await self._server.read(partial(self._read, position=position))
            if page is None:
                break  # a stream without data, or dropped meanwhile
            if any(map(len, page.levels.values())):
                yield self._joined(page)
            elif page.breaks:
                self.ends_interval = True
            position = page.end

    async def _read(self, connection: asyncpg.Connection, position: int) -> _Page | None:
        rest = self._interval._replace(start=position)
        try:
            return await self._page(connection, rest)
        except asyncpg.UndefinedTableError:  # dropped after it was found to be there
            return await self._page(connection, rest)

    async def _page(self, connection: asyncpg.Connection, interval: Interval) -> _Page | None:
        async with snapshot(connection):
            stored = await level_table.stored(connection, self._stream)
            levels = [level for level in stored if level <= self._level]
            if not levels:
                return None
            cuts, pieces = await covering.first_pieces(connection, self._stream, interval)
            cover = await covering.cover(connection, self._stream, levels, pieces)
            found, end = await self._fetch(connection, cover, pieces[-1].end)
        return _Page(found, [cut.time for cut in cuts if cut.is_break and cut.time <= end], end)

    async def _fetch(
        self, connection: asyncpg.Connection, cover: covering.Cover, end: int
    ) -> tuple[dict[int, Rows], int]:
        """Read what covers a range, up to where there is too much of it for a page."""
        found: dict[int, Rows] = {}
        for level, ranges in reversed(cover.items()):
            wanted = [r._replace(end=min(r.end, end)) for r in ranges if r.start < end]
            if not wanted:
                continue
            rows_max = max(PAGE_BYTES // level_table.layout(self._stream, level).row_bytes, 1)
            rows = await level_table.read(connection, self._stream, level, wanted, rows_max + 1)
            if len(rows) > rows_max:
                surplus = int(rows["timestamp"][rows_max])
                end = await covering.first_row(connection, self._stream, level, surplus)
            found[level] = rows
        return {level: rows[rows["timestamp"] < end] for level, rows in found.items()}, end

    def _joined(self, page: _Page) -> _Found:
        """Put what was found of all levels in order."""
        if page.levels.keys() == {1}:
            rows = page.levels[1]
            return Stretch(rows, self._breaks(rows["timestamp"], page.breaks))
        layout = self._stream.layout
        found = concat([to_groups(rows, layout, level) for level, rows in page.levels.items()])
        groups = _sorted(found)
        return Summary(groups, self._breaks(groups.timestamp, page.breaks))

    def _breaks(self, times: np.ndarray[Any, np.dtype[np.int64]], cuts: list[int]) -> Indices:
        """Give the breaks before rows or groups at these times; remember whether one is behind."""
        found = np.searchsorted(times, np.array(cuts, dtype=np.int64))
        follows_break, self.ends_interval = self.ends_interval, len(times) in found
        inside = found[found < len(times)]
        return np.union1d(FIRST_ROW, inside) if follows_break else np.unique(inside)


def _sorted(groups: Groups) -> Groups:
    order = np.argsort(groups.timestamp)
    return Groups(
        groups.timestamp[order],
        groups.mean[order],
        groups.minimum[order],
        groups.maximum[order],
        groups.count[order],
    )


class _Joiner:
    """Joins rows and groups to groups of about ``level`` rows, in blocks of one interval each."""

    def __init__(self, level: int) -> None:
        self._packer = Packer(level)
        self.begun = False

    def push(self, found: _Found) -> Iterator[DecimatedBlock]:
        """Take what comes next; the blocks that are complete."""
        if isinstance(found, Stretch):
            return self._blocks(self._packer.push_rows(found))
        return self._blocks(self._packer.push(found))

    def finish(self) -> Iterator[DecimatedBlock]:
        """Give the last block if there is one."""
        return self._blocks(self._packer.flush())

    def _blocks(self, summary: Summary | None) -> Iterator[DecimatedBlock]:
        for groups, starts_interval in summary.runs() if summary is not None else ():
            yield DecimatedBlock(groups, starts_interval=starts_interval and self.begun)
            self.begun = True
