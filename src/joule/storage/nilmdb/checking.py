"""Whether what a NilmDB server has of a node's streams agrees with the catalog and with itself.

Every row and every group is read. There are no checksums: a value that has changed at the server
is not noticed. The node may run; what it changes meanwhile is looked at a second time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from joule.errors import StorageDamagedError
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.nilmdb.levels import base_path
from joule.storage.nilmdb.stored import StoredPath

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from joule.models.layout import Layout, Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.nilmdb.session import Entry, Session

    Advance = Callable[[int], None]

PAGE_BYTES: Final = 1 << 20
FINDINGS_MAX: Final = 100
"""Of one stream; what is wrong with more of it is the same again."""


class Finding(NamedTuple):
    """Something that is not as it must be: of which stream, and where in it in UNIX us."""

    place: str
    text: str
    time: int | None = None


async def check_streams(
    session: Session, known: Callable[[], Sequence[StreamRef]], advance: Advance
) -> tuple[int, list[Finding]]:
    """Check what is stored of all streams; gives the number of rows and what is wrong.

    ``known`` looks the streams up in the catalog. ``advance`` is told how many more rows are done.
    Raises ``StorageError`` when the server fails.
    """
    streams, entries = known(), await _entries(session)
    found = _strays(entries, streams)
    if found:
        again = _strays(await _entries(session), known())
        found = [each for each in found if each in again]
    rows = 0
    for stream in streams:
        checked = await StreamCheck(session, stream, entries).run(advance)
        if checked.found:
            again = (await StreamCheck(session, stream, await _entries(session)).run(_ignore)).found
            found += [each for each in checked.found if each in again]
        rows += checked.rows
    return rows, found


async def _entries(session: Session) -> dict[str, Entry]:
    return {entry.path: entry for entry in await session.entries("/joule/%")}


class StreamCheck:
    """One look at a stream; ``rows`` and ``found`` are the outcome."""

    def __init__(self, session: Session, stream: StreamRef, entries: Mapping[str, Entry]) -> None:
        self.rows = 0
        self.found: list[Finding] = []
        self._session = session
        self._stream = stream
        self._entries = entries

    async def run(self, advance: Advance) -> StreamCheck:
        """Look at the rows, then at each level."""
        base = self._path(1)
        if base is None:
            return self
        await self._check_rows(base, advance)
        level = 4
        while f"{base.path}~decim-{level}" in self._entries:
            path = self._path(level)
            if path is not None:
                await self._check_level(base, path, level)
            level *= 4
        return self

    def _add(self, text: str, time: int | None = None) -> None:
        if len(self.found) < FINDINGS_MAX:
            self.found.append(Finding(self._stream.name, text, time))

    def _path(self, level: int) -> StoredPath | None:
        """Give where a level is, None when it is not there or of another layout."""
        path = base_path(self._stream.id)
        layout: Layout = self._stream.layout
        if level > 1:
            path, layout = f"{path}~decim-{level}", layout.decimated
        entry = self._entries.get(path)
        if entry is None:
            return None
        if entry.layout != str(layout):
            self._add(f"the layout of [{path}] is {entry.layout} instead of {layout}")
            return None
        return StoredPath(self._session, path, layout)

    async def _check_rows(self, base: StoredPath, advance: Advance) -> None:
        coverage = await self._session.intervals(base.path, ALL_TIME)
        for before, piece in pairwise(coverage):
            if piece.start < before.end:
                self._add("two intervals overlap", piece.start)
                return
        for piece in coverage:
            sent = 0
            async for page in self._pages(base, piece):
                sent += len(page)
                advance(len(page))
            self.rows += sent
            counted = await base.count(piece)
            if counted != sent:
                self._add(f"{counted} rows are counted and {sent} sent", piece.start)
        counted = await base.count(ALL_TIME)
        # More of them and of their intervals may have come since the intervals were asked for.
        is_same = await self._session.intervals(base.path, ALL_TIME) == coverage
        if counted != self.rows and is_same:
            self._add(f"there are {counted} rows, {self.rows} of them in intervals")

    async def _check_level(self, base: StoredPath, path: StoredPath, level: int) -> None:
        """See whether groups are of so many rows each, and can be means of what they span."""
        for piece in await path.coverage():
            groups, rows = await path.count(piece), await base.count(piece)
            if groups * level != rows:
                text = f"level {level} has {groups} groups for {rows} rows"
                self._add(f"{text}, decimate the stream anew", piece.start)
            async for page in self._pages(path, piece):
                means, lows, highs = np.split(page["data"], 3, axis=1)
                odd = ((means < lows) | (means > highs)).any(axis=1)
                for time in page["timestamp"][odd]:
                    self._add(f"a mean of level {level} is not between its extremes", int(time))

    async def _pages(self, path: StoredPath, piece: Interval) -> AsyncIterator[Rows]:
        """Give what is covered by an interval, as far as its times rise."""
        position, is_last = piece.start, False
        while not is_last:
            rest = Interval(position, piece.end)
            try:
                page, is_last = await path.extract_some(rest, PAGE_BYTES)
            except StorageDamagedError as error:
                self._add(str(error), position)
                return
            if not len(page):
                return
            times = page["timestamp"]
            if times[0] < position or times[-1] >= piece.end or (np.diff(times) <= 0).any():
                self._add(f"times of [{path.path}] do not rise, or lie elsewhere", position)
                return
            yield page
            position = int(times[-1]) + 1


def _strays(entries: Mapping[str, Entry], streams: Sequence[StreamRef]) -> list[Finding]:
    known = {base_path(stream.id) for stream in streams}
    strays = sorted({path.partition("~")[0] for path in entries} - known)
    return [Finding(path, "is of no data stream of this node") for path in strays]


def _ignore(_rows: int) -> None:
    """Count what is looked at again only once."""
