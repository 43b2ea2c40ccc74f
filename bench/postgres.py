"""The PostgreSQL engine beside the way of Joule 1.0, on the same server in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bench import postgres_writing
from bench.data import FEATURES, MAINS, START_US
from bench.figures import Figure, Stopwatch
from bench.postgres_ways import ours, theirs
from joule.models.decimation import level_for
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.interfaces import StreamRef
from joule.testing.postgres import running_server
from joule.testing.postgres_binaries import find_binaries

if TYPE_CHECKING:
    from bench.data import DataSet
    from bench.old_way import OldStream
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine
    from joule.storage.postgres import PostgresEngine
    from joule.testing.postgres import PostgresServer

READ_TARGET: Final = 3.0
MAX_ROWS: Final = 2000
MANY: Final = 50
SECOND: Final = 8000
SETTINGS: Final = {"shared_buffers": "256MB", "max_wal_size": "4GB"}

ABOUT: Final = """\
reference: the statements of Joule 1.0 for the same rows on the same server, which syncs every
commit. Its rows are packed by numpy, its groups made by numpy: bench/old_way.py. Tables are
analysed before they are read: before that, its reads sort the whole table for every page. Rows are
read from the tables first, then from the compressed copies that a node makes in the background; a
stream that is never at rest has its last copy's worth of rows in the tables only."""


async def run(rows: int, rounds: int) -> list[Figure]:
    """Measure with about ``rows`` rows; the server is one of its own."""
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL here: neither installed nor as the wheel")
    with running_server(binaries, durable=True, settings=SETTINGS) as server:
        figures: list[Figure] = []
        for data in (MAINS, FEATURES):
            figures += await postgres_writing.run(server, data, 1, rows, rounds)
            figures += await _Reading(server, data, rows, rounds).run()
        figures += await postgres_writing.run(server, FEATURES, MANY, rows // MANY // 2, rounds)
    return figures


class _Reading:
    """Rows of one kind, out of both: they take turns, medians count."""

    def __init__(self, server: PostgresServer, data: DataSet, count: int, rounds: int) -> None:
        self._server, self._data, self._rounds = server, data, rounds
        self._rows = data.rows(count)
        self._stream = StreamRef(1, data.layout)

    async def run(self) -> list[Figure]:
        async with (
            theirs(self._server, self._data, 1) as [old],
            ours(self._server) as engine,
        ):
            await old.insert(self._rows)
            engine.samples.append(self._stream, self._rows.copy())
            await engine.samples.commit()
            await old.analyze()
            figures = [
                await self._read("read all rows, just stored", engine, old),
                await self._compress(engine),
                await self._read("read all rows", engine, old, READ_TARGET),
                await self._second(engine, old),
                await self._view(engine, old),
            ]
            await self._check(engine)
            return figures

    async def _compress(self, engine: PostgresEngine) -> Figure:
        """Make copies of all rows, which a node does in the background."""
        watch = Stopwatch()
        for _ in watch.laps(1):
            await engine.samples.compress()
        rate = len(self._rows) / watch.median_s
        return Figure(self._group, "make compressed copies", "rows/s", rate)

    async def _check(self, engine: Engine) -> None:
        """Fail unless what is read is what was written."""
        found = [rows async for rows, _ in engine.samples.read(self._stream, ALL_TIME)]
        if np.concatenate(found).tobytes() != self._rows.tobytes():
            raise SystemExit("other rows came back")

    async def _read(
        self, name: str, engine: Engine, old: OldStream, target: float | None = None
    ) -> Figure:
        new, before = Stopwatch(), Stopwatch()
        for _ in range(self._rounds):
            for _ in before.laps(1):
                read = await old.read(START_US, self._end)
            assert read == len(self._rows)
            for _ in new.laps(1):
                read = await _count_read(engine, self._stream, ALL_TIME)
            assert read == len(self._rows)
        rates = [len(self._rows) / watch.median_s for watch in (new, before)]
        return Figure(self._group, name, "rows/s", rates[0], rates[1], target=target)

    async def _second(self, engine: Engine, old: OldStream) -> Figure:
        new, before = Stopwatch(), Stopwatch()
        size = min(SECOND, len(self._rows) // 2)
        for at in np.random.default_rng(2).integers(0, len(self._rows) - size, 30).tolist():
            start = int(self._rows["timestamp"][at])
            interval = Interval(start, start + size * self._data.step_us)
            for _ in before.laps(1):
                await old.read(*interval)
            for _ in new.laps(1):
                assert await _count_read(engine, self._stream, interval) == size
        return self._time(f"read {size} rows anywhere", new, before)

    async def _view(self, engine: Engine, old: OldStream) -> Figure:
        new, before = Stopwatch(), Stopwatch()
        for _ in range(10):
            for _ in before.laps(1):
                await old.view(START_US, self._end, MAX_ROWS)
            for _ in new.laps(1):
                rows = await engine.samples.count(self._stream, ALL_TIME)
                level = level_for(rows, MAX_ROWS)
                async for _ in engine.samples.read_decimated(self._stream, ALL_TIME, level):
                    pass
        return self._time(f"all in at most {MAX_ROWS} groups", new, before)

    @property
    def _end(self) -> int:
        return int(self._rows["timestamp"][-1]) + 1

    @property
    def _group(self) -> str:
        return f"postgres, {self._data.name}"

    def _time(self, name: str, new: Stopwatch, old: Stopwatch) -> Figure:
        return Figure(self._group, name, "ms", 1e3 * new.median_s, 1e3 * old.median_s)


async def _count_read(engine: Engine, stream: StreamRef, interval: Interval) -> int:
    rows: Rows
    read = 0
    async for rows, _ in engine.samples.read(stream, interval):
        read += len(rows)
    return read
