"""Decimated rows of a range, page by page: from stored groups where whole ones lie in the range.

A page sees one state of the database and ends where a group ends; nothing is held between pages.
What is found is as coarse as was asked for or finer, and is joined with its neighbours, and with
the rows that are not stored yet, to groups of the level asked for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from joule.models.decimation import Groups, concat, reduce
from joule.storage.interfaces import DecimatedBlock
from joule.storage.packing import Packer
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.levels import covering
from joule.storage.postgres.levels.pyramid import to_groups
from joule.storage.postgres.rows.queries import ends_in_gap
from joule.storage.postgres.rows.row_reading import snapshot
from joule.storage.postgres.tables import level_table
from joule.storage.stretch import FIRST_ROW, Stretch
from joule.storage.summary import Summary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    import asyncpg

    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.levels.matching import Cover
    from joule.storage.postgres.rows.queries import Known
    from joule.storage.postgres.tables.level_table import KnownLevels
    from joule.storage.stretch import Indices

PAGE_BYTES: Final = 512 * 1024
"""So much is read of a level for a page."""

_Found: TypeAlias = "Stretch | Summary"
"""Rows where nothing coarser is stored, otherwise groups."""


class _Page(NamedTuple):
    """What was found of each level, the breaks among it and behind it, and where it ends.

    ``ends_in_gap`` says that the whole range ends in the gap between two intervals.
    """

    levels: dict[int, Rows]
    breaks: list[int]
    end: int
    ends_in_gap: bool


async def read_groups(
    server: Server, known: Known, interval: Interval, level: int, levels: KnownLevels
) -> AsyncGenerator[DecimatedBlock, None]:
    """Groups of about ``level`` rows of ``[start, end)``: ``SampleStore.read_decimated``.

    ``known`` is what was in memory when the read began.
    """
    joiner = _Joiner(level)
    stored = _StoredGroups(server, known, interval, level, levels)
    async for found in stored.pages():
        for block in joiner.push(found):
            yield block
    for piece in known.view.clip(interval).pieces:
        for block in joiner.push(piece):
            yield block
    for block in joiner.finish():
        yield block
    if joiner.begun and (stored.ends_in_gap or ends_in_gap(known, interval.end)):
        yield DecimatedBlock(reduce(known.stream.layout.empty(), 1), starts_interval=True)


class _StoredGroups:
    """Reads the stored part of a range, as coarse as ``level`` where it can.

    ``ends_interval`` says that a break lies behind all that was found so far, ``ends_in_gap`` at
    the end that the range reaches into the gap behind it.
    """

    def __init__(
        self, server: Server, known: Known, interval: Interval, level: int, levels: KnownLevels
    ) -> None:
        self._server = server
        self._stream = known.stream
        self._interval = known.stored(interval)
        self._asks_for_gap = known.reaches(interval.end)
        self._level = level
        self._levels = levels
        self.ends_interval = False
        self.ends_in_gap = False

    async def pages(self) -> AsyncIterator[_Found]:
        """Give rows and groups in order, with the breaks before them."""
        rest = self._interval
        while rest is not None and rest.start < rest.end:
            page = await self._server.read(partial(self._read, interval=rest))
            if page is None:
                break  # a stream without data, or dropped meanwhile
            if any(map(len, page.levels.values())):
                yield self._joined(page)
            elif page.breaks:
                self.ends_interval = True
            self.ends_in_gap = page.ends_in_gap
            rest = rest._replace(start=page.end)

    async def _read(self, connection: asyncpg.Connection, interval: Interval) -> _Page | None:
        work = partial(self._page, connection, interval)
        return await self._levels.use(connection, self._stream, self._level, work)

    async def _page(
        self, connection: asyncpg.Connection, interval: Interval, levels: list[int]
    ) -> _Page | None:
        if not levels:
            return None
        gap = self._asks_for_gap
        async with snapshot(connection) as begin:
            look = await covering.look(
                connection, self._stream, levels, interval, opening=begin, asks_for_gap=gap
            )
            found, end = await self._fetch(connection, look.cover, look.end)
        breaks = [cut.time for cut in look.cuts if cut.is_break and cut.time <= end]
        return _Page(found, breaks, end, look.ends_in_gap)

    async def _fetch(
        self, connection: asyncpg.Connection, cover: Cover, end: int
    ) -> tuple[dict[int, Rows], int]:
        """Read what covers a range, up to where there is too much of it for a page."""
        found: dict[int, Rows] = {}
        limits = {level: self._rows_max(level) for level in sorted(cover, reverse=True)}
        queries = [
            level_table.read_query(self._stream, level, cover[level], rows_max + 1)
            for level, rows_max in limits.items()
        ]
        answers = await ask(connection, map(copy_of, queries), 2 * PAGE_BYTES)
        for (level, rows_max), copied in zip(limits.items(), answers, strict=True):
            rows = level_table.rows_of(copied, self._stream, level)
            if len(rows) > rows_max and rows["timestamp"][rows_max] < end:
                surplus = int(rows["timestamp"][rows_max])
                end = await covering.first_row(connection, self._stream, level, surplus)
            found[level] = rows
        return {level: rows[rows["timestamp"] < end] for level, rows in found.items()}, end

    def _rows_max(self, level: int) -> int:
        return max(PAGE_BYTES // level_table.layout(self._stream, level).row_bytes, 1)

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
