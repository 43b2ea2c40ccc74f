"""The decimation levels at the server: kept up with the rows, and cut where rows change.

A level covers the time of the rows behind its groups, so that its coverage tells which rows are in
no group of it, after a crash too. Levels come after their rows and go before them: what a level
lacks is read from the level below, what it has is always true.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from joule.errors import StorageError
from joule.models.decimation import FACTOR
from joule.models.intervals import MIN_TIME, Interval
from joule.storage.nilmdb.cascade import Cascade, Run
from joule.storage.nilmdb.groups import as_groups
from joule.storage.nilmdb.searching import time_of_row
from joule.storage.nilmdb.stored import StoredPath
from joule.storage.stretch import FIRST_ROW, NO_BREAKS, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from joule.models.layout import Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.nilmdb.cascade import LevelRows
    from joule.storage.nilmdb.session import Session

logger = logging.getLogger(__name__)

MADE_UP_BYTES: Final = 4 << 20
"""Rows at the end of an interval that are decimated belatedly; of more, only those that come."""

FILLED_ROWS_MIN: Final = 256
"""Fewer late rows are read as they are."""


def base_path(stream_id: int) -> str:
    """Give the path of a stream's rows."""
    return f"/joule/{stream_id}"


class Levels:
    """The levels of all streams."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cascades: dict[int, Cascade] = {}
        self.being_made: set[int] = set()
        """Streams whose levels are made anew; the rows that come in are taken in later."""

    def path(self, stream: StreamRef, level: int) -> StoredPath:
        """Give the path of a level; level 1 are the rows."""
        if level == 1:
            return StoredPath(self._session, base_path(stream.id), stream.layout)
        name = f"{base_path(stream.id)}~decim-{level}"
        return StoredPath(self._session, name, stream.layout.decimated)

    async def existing(self, stream: StreamRef) -> list[int]:
        """List the levels that have groups."""
        prefix = f"{base_path(stream.id)}~decim-"
        entries = await self._session.entries(f"{prefix}%")
        numbers = (entry.path[len(prefix) :] for entry in entries if entry.rows)
        return sorted(int(number) for number in numbers if number.isdecimal())

    # ------------------------------------------------------------------ rows come in

    async def follow(self, stream: StreamRef, stretch: Stretch) -> None:
        """Take in rows that were put behind the last one, and write what is due.

        A level that cannot be written now is made up for with later rows.
        """
        cascade = self._cascades.pop(stream.id, None)
        if not stream.decimate or stream.id in self.being_made:
            return
        with _catching_up(stream):
            if cascade is None:
                cascade = await self._resumed(stream, stretch)
            await self.write(stream, cascade.push(stretch))
            self._cascades[stream.id] = cascade

    async def fill(self, stream: StreamRef, rows: Rows, *, starts_interval: bool) -> None:
        """Take in many late rows that no others lie between."""
        if len(rows) < FILLED_ROWS_MIN:
            return
        stretch = Stretch(rows, FIRST_ROW if starts_interval else NO_BREAKS)
        with _catching_up(stream):
            cascade = await self._resumed(stream, stretch)
            await self.write(stream, cascade.push(Stretch(rows, NO_BREAKS)) + cascade.finish())

    def forget(self, stream_id: int) -> None:
        """Go on from what is at the server: something has changed there."""
        self._cascades.pop(stream_id, None)

    async def write(self, stream: StreamRef, found: Iterable[LevelRows]) -> None:
        """Put groups behind those of their levels."""
        for level, interval, rows in found:
            path = self.path(stream, level)
            await path.create()
            # In parts it could end between groups, whose timestamps are not those of rows.
            await path.insert_at_once(interval, rows)

    async def _resumed(self, stream: StreamRef, stretch: Stretch) -> Cascade:
        """Go on where the levels end, if that is not far behind."""
        cascade = Cascade(stream.layout)
        base = self.path(stream, 1)
        coverage = await base.coverage(Interval(MIN_TIME, stretch.first))
        if stretch.starts_interval or not coverage or coverage[-1].end < stretch.first:
            return cascade
        run = coverage[-1]
        known = {1: run}
        for level in await self.existing(stream):
            pieces = await self.path(stream, level).coverage(run)
            is_next = level == FACTOR ** len(known)
            # Groups that a hole of the level below lies behind cannot be gone on from.
            if not pieces or not is_next or pieces[-1].end <= known[level // FACTOR].start:
                break
            known[level] = pieces[-1]
        written = known.get(FACTOR, Interval(run.start, run.start)).end
        behind = Interval(written, stretch.first)
        if await base.count(behind) * stream.layout.row_bytes > MADE_UP_BYTES:
            return cascade
        for level in sorted(known, reverse=True)[: len(known) - 1]:
            await self._restore(stream, cascade, level, known)
        if FACTOR in known:
            cascade.restore(FACTOR, written, None)
        await self.write(stream, cascade.push(Stretch(await base.extract(behind), NO_BREAKS)))
        return cascade

    async def _restore(
        self, stream: StreamRef, cascade: Cascade, level: int, known: dict[int, Interval]
    ) -> None:
        """Let the level above ``level`` go on with the groups of this one that it lacks."""
        above = known.get(level * FACTOR)
        piece = known[level]
        goes_on = above is not None and above.end > piece.start
        start = above.end if above is not None and goes_on else piece.start
        behind = Interval(start, piece.end)
        rows = await self.path(stream, level).extract(behind)
        if not len(rows):
            cascade.restore(level * FACTOR, start if goes_on else None, None)
            return
        groups = as_groups(rows, stream.layout, level)
        starts, ends = np.full(len(rows), start), np.full(len(rows), piece.end)
        for number, edge in (await self._edges(stream, behind, level, len(rows))).items():
            starts[number], ends[number - 1] = edge, edge
        cascade.restore(level * FACTOR, start if goes_on else None, Run(groups, starts, ends))

    async def _edges(
        self, stream: StreamRef, bounds: Interval, level: int, groups: int
    ) -> dict[int, int]:
        """Give the times up to which whole groups of the levels above reach, by number of groups.

        Those are the ones that matter of a level: the server does not tell where a group ends.
        """
        base, edges, factor = self.path(stream, 1), dict[int, int](), FACTOR
        while whole := groups // factor * factor:
            if whole < groups and whole not in edges:
                total = groups * level
                edges[whole] = await time_of_row(base, bounds, whole * level, total)
            factor *= FACTOR
        return edges

    # ------------------------------------------------------------------ rows change

    async def uncover(self, stream: StreamRef, changed: Interval) -> None:
        """Remove the groups of all levels that rows within these bounds are or will be in.

        Comes before the change of the rows, which are counted here.
        """
        self.forget(stream.id)
        levels = await self.existing(stream)
        if not levels:
            return
        base = self.path(stream, 1)
        for level in reversed(levels):
            path = self.path(stream, level)
            for piece in await path.coverage():
                if piece.start < changed.end and piece.end > changed.start:
                    await path.remove(await _outer(base, piece, changed, level))

    async def drop(self, stream: StreamRef) -> None:
        """Remove all levels of a stream."""
        self.forget(stream.id)
        for level in await self.existing(stream):
            await self.path(stream, level).destroy()


@contextmanager
def _catching_up(stream: StreamRef) -> Iterator[None]:
    """Let levels be behind when the server fails: the rows are stored, and views read them."""
    try:
        yield
    except StorageError as error:
        logger.warning("the levels of stream [%s] are behind: %s", stream.name, error)


async def _outer(base: StoredPath, piece: Interval, changed: Interval, level: int) -> Interval:
    """Give the time of the groups that a part of the time of a piece lies in."""
    total = await base.count(piece)
    before = await base.count(Interval(piece.start, max(changed.start, piece.start)))
    upto = await base.count(Interval(piece.start, min(changed.end, piece.end)))
    first = before // level * level
    end = -(-upto // level) * level
    start = piece.start
    if first:
        start = await time_of_row(base, piece, first - 1, total) + 1
    return Interval(start, await time_of_row(base, piece, end, total) if end < total else piece.end)
