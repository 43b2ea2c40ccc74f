"""The PostgreSQL engine's rows: a ``SampleStore`` over pending rows and tables.

A read takes a view of the pending rows first and then asks the database for what is older than
the first of them. So it does not matter when they are stored: they are seen once.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from joule.models.decimation import level_for
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.storage.interfaces import Block
from joule.storage.postgres.connection.times import check_time
from joule.storage.postgres.levels.covering import count_rows
from joule.storage.postgres.rows import queries
from joule.storage.postgres.rows.changes import Changes
from joule.storage.postgres.rows.compressing import Compressing
from joule.storage.postgres.rows.editing import Flags
from joule.storage.postgres.rows.group_reading import read_groups
from joule.storage.postgres.rows.older_rows import OlderRows
from joule.storage.postgres.rows.row_reading import RowReader, snapshot
from joule.storage.postgres.tables import sample_tables
from joule.storage.postgres.tables.dropping import DATA_STREAMS, Dropper
from joule.storage.postgres.tables.level_table import KnownLevels
from joule.storage.stretch import cut

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    import asyncpg

    from joule.models.layout import Rows
    from joule.storage.interfaces import DecimatedBlock, SampleInfo, StreamRef
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.rows.queries import Known
    from joule.storage.stretch import Stretch

BLOCK_BYTES: Final = 512 * 1024
GROUPS_COUNTED: Final = 20
"""Of a level with so few groups in a range a look at both ends of it sees all."""


class PostgresSamples:
    """A ``SampleStore`` on a ``Server``, which has ``compressed_copies`` of old rows or has not."""

    def __init__(self, server: Server, *, compressed_copies: bool = True) -> None:
        self._server = server
        self._changes = Changes(server)
        self._levels = KnownLevels()
        self._older = OlderRows(server, self._changes)
        self._compressing = Compressing(server, self._changes) if compressed_copies else None
        self._dropper = Dropper(server, DATA_STREAMS, self._changes.drop)

    async def maintain(self) -> None:
        """Drop what could not be dropped, and compress rows; PostgreSQL sees to all else."""
        await self._dropper.drop_waiting()
        if self._compressing is not None:
            await self._compressing.go_on()

    async def compress(self) -> None:
        """Compress all rows that can be, however long that takes."""
        if self._compressing is not None:
            await self._compressing.finish()

    # ------------------------------------------------------------------ coming in

    @property
    def pending_bytes(self) -> int:
        return self._changes.states.pending_bytes

    def append(self, stream: StreamRef, rows: Rows, *, starts_interval: bool = False) -> None:
        assert rows.dtype == stream.layout.dtype, "rows of another layout"
        if len(rows):
            _check(stream, rows)
            self._changes.states.append(stream, rows, starts_interval=starts_interval)

    async def commit(self) -> None:
        if self.pending_bytes:
            await self._changes.commit()

    async def make_room(self) -> None:
        await self.commit()

    async def insert(
        self, stream: StreamRef, rows: Rows, *, starts_interval: bool, ends_interval: bool
    ) -> None:
        if not len(rows):
            return
        _check(stream, rows)
        await self._older.insert(stream, rows, Flags(starts_interval, ends_interval))

    # ------------------------------------------------------------------ going out

    async def last_before(self, stream: StreamRef, timestamp: int) -> int | None:
        known = await self._known(stream)
        return await self._server.read(lambda c: queries.last_before(c, known, int(timestamp)))

    async def info(self, stream: StreamRef) -> SampleInfo:
        (found,) = await self.infos([stream])
        return found

    async def infos(self, streams: Sequence[StreamRef]) -> list[SampleInfo]:
        ids = list({stream.id for stream in streams})
        sizes = await self._server.read(
            lambda c: queries.sizes(c, ids, has_timescale=self._server.has_timescale)
        )
        await self._changes.count_beforehand(streams)
        known = await self._changes.known(streams)
        return [queries.info(one, sizes[one.stream.id]) for one in known]

    async def count(self, stream: StreamRef, interval: Interval) -> int:
        bounds = _plain(interval)
        known = await self._known(stream)
        pending = known.view.clip(bounds).rows
        stored = known.stored(bounds)
        if stored is None:
            return pending
        if stored == known.stored(ALL_TIME):
            return known.stored_rows + pending

        return pending + await self._server.read(partial(self._count, known, stored))

    async def _count(self, known: Known, interval: Interval, connection: asyncpg.Connection) -> int:
        async def work(levels: list[int]) -> int:
            async with snapshot(connection) as begin:
                return await count_rows(connection, known.stream, interval, levels, opening=begin)

        coarsest = level_for(known.rows_expected(interval), GROUPS_COUNTED)
        return await self._levels.use(connection, known.stream, coarsest, work)

    async def intervals(self, stream: StreamRef, interval: Interval) -> list[Interval]:
        known = await self._known(stream)
        return await self._server.read(lambda c: queries.intervals(c, known, _plain(interval)))

    async def read(self, stream: StreamRef, interval: Interval) -> AsyncIterator[Block]:
        bounds = _plain(interval)
        known = await self._known(stream)
        rows_max = max(BLOCK_BYTES // stream.layout.row_bytes, 1)
        last, is_broken = None, False
        async with aclosing(self._stretches(known, bounds)) as stretches:
            async for stretch in stretches:
                is_broken = not len(stretch)
                for run in stretch.runs():
                    for piece in cut(run, rows_max):
                        yield Block(piece.rows, piece.starts_interval and last is not None)
                        last = piece.last
        if last is not None and (is_broken or queries.ends_in_gap(known, bounds.end)):
            yield Block(stream.layout.empty(), starts_interval=True)

    async def read_decimated(
        self, stream: StreamRef, interval: Interval, level: int
    ) -> AsyncIterator[DecimatedBlock]:
        bounds = _plain(interval)
        known = await self._known(stream)

        groups = read_groups(self._server, known, bounds, level, self._levels)
        async with aclosing(groups) as blocks:
            async for block in blocks:
                yield block

    async def _stretches(self, known: Known, interval: Interval) -> AsyncGenerator[Stretch, None]:
        """Give all rows of ``[start, end)``, a break at index 0 lies before a stretch."""
        stored = known.stored(interval)
        if stored is not None:
            reader = RowReader(self._server, known, stored)
            async with aclosing(reader.stretches()) as stretches:
                async for stretch in stretches:
                    yield stretch
        for piece in known.view.clip(interval).pieces:
            yield piece

    async def _known(self, stream: StreamRef) -> Known:
        await self._changes.count_beforehand([stream])
        (known,) = await self._changes.known([stream])
        return known

    # ------------------------------------------------------------------ changes

    async def delete(self, stream: StreamRef, interval: Interval) -> int:
        return await self._older.delete(stream, _plain(interval))

    async def consolidate(self, stream: StreamRef, interval: Interval, max_gap_us: int) -> int:
        return await self._older.consolidate(stream, _plain(interval), int(max_gap_us))

    async def retain(self, stream: StreamRef, before: int) -> int:
        return await self._older.retain(stream, int(before))

    async def drop(self, streams: Sequence[int]) -> None:
        await self._dropper.drop(streams)

    async def decimate(self, stream: StreamRef) -> None:
        await self._older.decimate(replace(stream, decimate=True))

    async def drop_decimations(self, stream: StreamRef) -> None:
        await self._older.drop_groups(stream)


def _check(stream: StreamRef, rows: Rows) -> None:
    """Raise ``DataError`` for rows that no table can hold: they would be in everybody's way."""
    sample_tables.check_layout(stream.layout)
    check_time(int(rows["timestamp"][0]))


def _plain(interval: Interval) -> Interval:
    """Give the bounds as Python integers within 64 bits."""
    start, end = int(interval.start), int(interval.end)
    return Interval(max(start, MIN_TIME), min(end, MAX_TIME))
