"""The PostgreSQL engine beside the way of Joule 1.0, on the same server in the same run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np

from bench.data import FEATURES, MAINS, START_US
from bench.figures import Figure, Stopwatch
from bench.old_way import BATCH_S, OldStream
from joule.models.decimation import level_for
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.testing.postgres import running_server
from joule.testing.postgres_binaries import find_binaries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.data import DataSet
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine
    from joule.testing.postgres import PostgresServer

WRITE_TARGET: Final = 2.0
READ_TARGET: Final = 3.0
MAX_ROWS: Final = 2000
MANY: Final = 50
BATCHES_MAX: Final = 100
"""So many batches are timed; the rest is stored at once, to be read."""

SECOND: Final = 8000
SETTINGS: Final = {"shared_buffers": "256MB", "max_wal_size": "4GB"}

ABOUT: Final = """\
reference: the statements of Joule 1.0 for the same rows on the same server, which syncs every
commit. Its rows are packed by numpy, its groups made by numpy: bench/old_way.py."""


async def run(rows: int, rounds: int) -> list[Figure]:
    """Measure with about ``rows`` rows; the server is one of its own."""
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL here: neither installed nor as the wheel")
    with running_server(binaries, durable=True, settings=SETTINGS) as server:
        figures: list[Figure] = []
        for data in (MAINS, FEATURES):
            figures += await _OneStream(server, data, rows, rounds).run()
        figures += [await _many_streams(server, rows // 8, rounds)]
    return figures


@asynccontextmanager
async def _ours(server: PostgresServer) -> AsyncIterator[Engine]:
    with server.fresh_database() as address:
        async with PostgresEngine(Address.parse(address)) as engine:
            yield engine


@asynccontextmanager
async def _theirs(
    server: PostgresServer, data: DataSet, count: int
) -> AsyncIterator[list[OldStream]]:
    with server.fresh_database() as address:
        async with asyncpg.create_pool(address, min_size=1, max_size=4) as pool:
            streams = [OldStream(pool, 1 + number, data.layout) for number in range(count)]
            for stream in streams:
                await stream.create()
            yield streams


class _OneStream:
    """One kind of data: both ways take turns, medians count."""

    def __init__(self, server: PostgresServer, data: DataSet, count: int, rounds: int) -> None:
        self._server, self._data, self._rounds = server, data, rounds
        self._rows = data.rows(count)
        self._stream = StreamRef(1, data.layout)
        self._batch = BATCH_S * 10**6 // data.step_us
        self._timed = min(count, BATCHES_MAX * self._batch)

    async def run(self) -> list[Figure]:
        ours, theirs = Stopwatch(), Stopwatch()
        for _ in range(self._rounds):
            async with self._both() as (engine, old):
                await self._write(engine, old, ours, theirs)
        written = self._rate("write, five seconds a batch", self._timed, ours, theirs, WRITE_TARGET)
        async with self._both() as (engine, old):
            await old.insert(self._rows)
            engine.samples.append(self._stream, self._rows.copy())
            await engine.samples.commit()
            return [
                written,
                await self._read(engine, old),
                await self._second(engine, old),
                await self._view(engine, old),
            ]

    @asynccontextmanager
    async def _both(self) -> AsyncIterator[tuple[Engine, OldStream]]:
        async with _theirs(self._server, self._data, 1) as [old], _ours(self._server) as engine:
            yield engine, old

    async def _write(
        self, engine: Engine, old: OldStream, ours: Stopwatch, theirs: Stopwatch
    ) -> None:
        """Let both store the rows, the one after the other."""
        for _ in theirs.laps(1):
            for at in range(0, self._timed, self._batch):
                await old.insert(self._rows[at : min(at + self._batch, self._timed)])
        for _ in ours.laps(1):
            for at in range(0, self._timed, self._batch):
                rows = self._rows[at : min(at + self._batch, self._timed)]
                engine.samples.append(self._stream, rows)
                await engine.samples.commit()

    async def _read(self, engine: Engine, old: OldStream) -> Figure:
        ours, theirs = Stopwatch(), Stopwatch()
        for _ in range(self._rounds):
            for _ in theirs.laps(1):
                read = await old.read(START_US, self._end)
            assert read == len(self._rows)
            for _ in ours.laps(1):
                read = await _count_read(engine, self._stream, ALL_TIME)
            assert read == len(self._rows)
        return self._rate("read all rows", len(self._rows), ours, theirs, READ_TARGET)

    async def _second(self, engine: Engine, old: OldStream) -> Figure:
        ours, theirs = Stopwatch(), Stopwatch()
        size = min(SECOND, len(self._rows) // 2)
        for at in np.random.default_rng(2).integers(0, len(self._rows) - size, 30).tolist():
            start = int(self._rows["timestamp"][at])
            interval = Interval(start, start + size * self._data.step_us)
            for _ in theirs.laps(1):
                await old.read(*interval)
            for _ in ours.laps(1):
                assert await _count_read(engine, self._stream, interval) == size
        return self._time(f"read {size} rows anywhere", ours, theirs)

    async def _view(self, engine: Engine, old: OldStream) -> Figure:
        ours, theirs = Stopwatch(), Stopwatch()
        for _ in range(10):
            for _ in theirs.laps(1):
                await old.view(START_US, self._end, MAX_ROWS)
            for _ in ours.laps(1):
                rows = await engine.samples.count(self._stream, ALL_TIME)
                level = level_for(rows, MAX_ROWS)
                async for _ in engine.samples.read_decimated(self._stream, ALL_TIME, level):
                    pass
        return self._time(f"all in at most {MAX_ROWS} groups", ours, theirs)

    @property
    def _end(self) -> int:
        return int(self._rows["timestamp"][-1]) + 1

    @property
    def _group(self) -> str:
        return f"postgres, {self._data.name}"

    def _rate(
        self, name: str, rows: int, ours: Stopwatch, theirs: Stopwatch, target: float
    ) -> Figure:
        rates = [rows / each.median_s for each in (ours, theirs)]
        return Figure(self._group, name, "rows/s", rates[0], rates[1], target=target)

    def _time(self, name: str, ours: Stopwatch, theirs: Stopwatch) -> Figure:
        return Figure(self._group, name, "ms", 1e3 * ours.median_s, 1e3 * theirs.median_s)


async def _many_streams(server: PostgresServer, count: int, rounds: int) -> Figure:
    """Many slow streams: each commit syncs, and Joule 1.0 has one for each table."""
    batch = BATCH_S * 10**6 // FEATURES.step_us
    rows = FEATURES.rows(max(batch, count // MANY // batch * batch))
    refs = [StreamRef(1 + number, FEATURES.layout) for number in range(MANY)]
    ours, theirs = Stopwatch(), Stopwatch()
    for _ in range(rounds):
        async with _theirs(server, FEATURES, MANY) as streams:
            for _ in theirs.laps(1):
                for at in range(0, len(rows), batch):
                    for stream in streams:
                        await stream.insert(rows[at : at + batch])
        async with _ours(server) as engine:
            for _ in ours.laps(1):
                for at in range(0, len(rows), batch):
                    for ref in refs:
                        engine.samples.append(ref, rows[at : at + batch])
                    await engine.samples.commit()
    name = f"write {MANY} streams, five seconds a batch"
    rates = [len(rows) * MANY / each.median_s for each in (ours, theirs)]
    return Figure(
        f"postgres, {FEATURES.name}", name, "rows/s", rates[0], rates[1], target=WRITE_TARGET
    )


async def _count_read(engine: Engine, stream: StreamRef, interval: Interval) -> int:
    rows: Rows
    read = 0
    async for rows, _ in engine.samples.read(stream, interval):
        read += len(rows)
    return read
