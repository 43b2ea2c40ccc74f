"""How a range is covered by groups of stored levels, and by rows where no group fits.

The widest groups that are not too wide come first; what they leave at the ends and in holes is
covered by those of the level below, and so on down to rows. A level is only used where it saves
more than its requests cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from joule.models.decimation import FACTOR
from joule.models.intervals import Interval
from joule.storage.nilmdb.groups import as_groups
from joule.storage.nilmdb.reading import WINDOW_BYTES, stretches
from joule.storage.nilmdb.searching import time_of_row
from joule.storage.summary import Summary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.storage.interfaces import StreamRef
    from joule.storage.nilmdb.gate import Gate
    from joule.storage.nilmdb.levels import Levels
    from joule.storage.nilmdb.stored import StoredPath
    from joule.storage.stretch import Stretch

RAW_BYTES: Final = 512 * 1024
"""So much is read rather than asked about."""


class ChangedError(Exception):
    """The rows have been rewritten since the covering was begun: begin again at ``position``."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


Part: TypeAlias = "Stretch | Summary"


class _Segment(NamedTuple):
    """A part of a range to be read in one way; ``piece`` is the covered time it begins in."""

    piece: Interval
    part: Interval
    rows: int
    uses_levels: bool

    def with_next(self, other: _Segment) -> _Segment:
        """Give both as one."""
        part = Interval(self.part.start, other.part.end)
        return self._replace(part=part, rows=self.rows + other.rows)


class Covering:
    """Covers ranges of one stream by groups of at most ``level`` rows.

    ``position`` is the time up to which what was given covers the range. The first thing given
    has no break before it.
    """

    def __init__(self, stream: StreamRef, levels: Levels, gate: Gate, level: int) -> None:
        self.position = 0
        self._stream = stream
        self._levels = levels
        self._gate = gate
        self._level = level
        self._base = levels.path(stream, 1)
        self._generation = gate.generation
        self._existing: Sequence[int] = ()

    async def parts(
        self, bounds: Interval, *, is_begin: bool = True
    ) -> AsyncIterator[tuple[Part, bool]]:
        """Give the parts of a range, and whether an interval begins with each.

        Raises ``ChangedError`` when rows were rewritten meanwhile. The range goes on behind a row
        unless ``is_begin``.
        """
        async with self._gate.shared():
            self._generation = self._gate.generation
            coverage = await self._base.coverage()
            rows = await self._base.count(bounds)
            if self._level > 1:
                self._existing = await self._levels.existing(self._stream)
        self.position = bounds.start
        for segment in self._segments(coverage, bounds, rows):
            starts = not is_begin and segment.piece.start >= self.position
            async for found in self._read(segment):
                yield found, starts
                starts = is_begin = False
            self.position = segment.part.end

    def _segments(
        self, coverage: Sequence[Interval], bounds: Interval, rows: int
    ) -> list[_Segment]:
        """Cut a range by covered time; what is not worth the levels is put together."""
        inside = [(p, part) for p in coverage if (part := p.clip(bounds)) is not None]
        covered = sum(part.end - part.start for _, part in inside)
        found: list[_Segment] = []
        for piece, part in inside:
            share = rows * (part.end - part.start) // covered
            is_worth = share * self._base.layout.row_bytes > RAW_BYTES
            segment = _Segment(piece, part, share, bool(self._existing) and is_worth)
            if found and not found[-1].uses_levels and not segment.uses_levels:
                found[-1] = found[-1].with_next(segment)
            else:
                found.append(segment)
        return found

    async def _read(self, segment: _Segment) -> AsyncIterator[Part]:
        if segment.uses_levels:
            async for found in self._cover(segment.piece, segment.part, self._level):
                yield found
        else:
            async for stretch in self._rows(segment.part, segment.rows):
                yield stretch

    async def _rows(self, bounds: Interval, rows: int) -> AsyncIterator[Stretch]:
        async for stretch in stretches(self._base, self._gate, bounds, rows):
            self._check()
            self.position = stretch.last + 1
            yield stretch

    async def _cover(self, piece: Interval, part: Interval, level: int) -> AsyncIterator[Part]:
        """Cover a part of a piece by groups of at most ``level`` rows."""
        async with self._gate.shared():
            self._check()
            rows = await self._base.count(part)
        if not rows:
            return
        level = max((known for known in self._existing if known <= level), default=1)
        if level == 1 or rows * self._base.layout.row_bytes <= RAW_BYTES:
            async for stretch in self._rows(part, rows):
                yield stretch
            return
        path = self._levels.path(self._stream, level)
        async with self._gate.shared():
            self._check()
            runs = [run for run in await path.coverage(piece) if run.clip(part) is not None]
        start = part.start
        for run in runs:
            async with self._gate.shared():
                self._check()
                inner = await self._whole_groups(run, part, level)
            if inner is None:
                continue
            if start < inner.start:
                async for found in self._cover(
                    piece, Interval(start, inner.start), level // FACTOR
                ):
                    yield found
            async for found in self._groups(path, inner, level):
                yield found
            start = inner.end
        if start < part.end:
            async for found in self._cover(piece, Interval(start, part.end), level // FACTOR):
                yield found

    async def _whole_groups(self, run: Interval, part: Interval, level: int) -> Interval | None:
        """Give the time of the groups of a run that lie wholly in a part."""
        start, end = run
        if run.start < part.start:
            start = await self._boundary(run, part.start, level, up=True)
        if run.end > part.end:
            end = await self._boundary(run, part.end, level, up=False)
        return Interval(start, end) if start < end else None

    async def _boundary(self, run: Interval, time: int, level: int, *, up: bool) -> int:
        """Give where groups of a run meet, at or after a time or not after it."""
        total = await self._base.count(run)
        before = await self._base.count(Interval(run.start, time))
        number = -(-before // level) * level if up else before // level * level
        if number == before:
            return time
        return await time_of_row(self._base, run, number, total) if number < total else run.end

    async def _groups(self, path: StoredPath, bounds: Interval, level: int) -> AsyncIterator[Part]:
        """Give the groups that cover exactly these bounds."""
        async with self._gate.shared():
            self._check()
            total = await path.count(bounds)
        step = max(1, WINDOW_BYTES // path.layout.row_bytes)
        start = bounds.start
        for behind in range(step, total + step, step):
            async with self._gate.shared():
                self._check()
                end = bounds.end
                if behind < total:
                    end = await time_of_row(self._base, bounds, behind * level, total * level)
                found = await path.extract(Interval(start, end))
            start = self.position = end
            yield Summary(as_groups(found, self._stream.layout, level))

    def _check(self) -> None:
        if self._gate.generation != self._generation:
            raise ChangedError(self.position)
