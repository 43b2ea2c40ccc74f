"""The embedded engine alone, beside a flat file: in, out, a second anywhere, an overview."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from bench import flat
from bench.data import ALL, MAINS, START_US
from bench.figures import Figure, Stopwatch
from joule.models.decimation import level_for, reduce
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from pathlib import Path

    from bench.data import DataSet
    from joule.models.layout import Rows

BLOCK = 1_000_000
SMALL_BLOCK = 40_000
OVERVIEW_ROWS = 2000
INGEST_TARGET, READ_TARGET = 0.28, 0.45


async def run(folder: Path, rows: int, rounds: int) -> list[Figure]:
    """Measure every kind of data with about ``rows`` rows; files go to ``folder``."""
    figures: list[Figure] = []
    for data in ALL:
        count = rows if data is MAINS else rows // 2
        figures += await _Bench(folder, data, count, rounds).run()
    return figures


class _Bench:
    """One kind of data: ours and the flat file take turns, medians count."""

    def __init__(self, folder: Path, data: DataSet, count: int, rounds: int) -> None:
        self._folder, self._data, self._count, self._rounds = folder, data, count, rounds
        self._flat = folder / "flat"
        self._stream = StreamRef(1, data.layout)

    async def run(self) -> list[Figure]:
        rows = self._data.rows(self._count)
        figures = [await self._ingest(rows, BLOCK, target=INGEST_TARGET)]
        if self._data is MAINS:
            figures.append(await self._ingest(rows, SMALL_BLOCK))
        path = self._folder / f"kept {self._data.name}.db"
        async with EmbeddedEngine(path) as engine:
            await self._append(engine, rows, BLOCK)
            figures += [
                await self._read(engine),
                await self._second(engine),
                await self._overview(engine),
                await self._info(engine),
                await self._size(engine),
            ]
        path.unlink()
        self._flat.unlink()
        return figures

    async def _ingest(self, rows: Rows, block: int, target: float | None = None) -> Figure:
        ours, plain, best = list[float](), list[float](), list[float]()
        for number in range(self._rounds):
            best.append(flat.write_rows(self._flat, rows, block, plain=False))
            plain.append(flat.write_rows(self._flat, rows, block, plain=True))
            path = self._folder / f"{number}.db"
            async with EmbeddedEngine(path) as engine:
                ours.append(await self._append(engine, rows, block))
            path.unlink()
        name = f"append + commit, blocks of {block} rows"
        return self._rate(name, ours, plain, best, target)

    async def _append(self, engine: EmbeddedEngine, rows: Rows, block: int) -> float:
        start = time.perf_counter()
        for at in range(0, len(rows), block):
            engine.samples.append(self._stream, rows[at : at + block])
            await engine.samples.commit()
        return time.perf_counter() - start

    async def _read(self, engine: EmbeddedEngine) -> Figure:
        ours, plain, best = list[float](), list[float](), list[float]()
        for _ in range(self._rounds):
            best.append(flat.read_bytes(self._flat))
            plain.append(flat.read_rows(self._flat, self._data.layout.dtype))
            start, read = time.perf_counter(), 0
            async for block in engine.samples.read(self._stream, ALL_TIME):
                read += len(block.rows)
            ours.append(time.perf_counter() - start)
            assert read == self._count
        return self._rate("read all rows", ours, plain, best, READ_TARGET)

    async def _second(self, engine: EmbeddedEngine) -> Figure:
        """One second of 8 kHz data, the same number of rows of the others."""
        size = 8000
        starts = np.random.default_rng(2).integers(0, max(self._count - size, 1), size=50)
        mapped = flat.mapped(self._flat, self._data.layout.row_bytes)
        ours, limit = Stopwatch(), Stopwatch()
        for number in limit.laps(len(starts)):
            np.array(mapped[starts[number] : starts[number] + size])
        for number in ours.laps(len(starts)):
            start = START_US + int(starts[number]) * self._data.step_us
            interval = Interval(start, start + size * self._data.step_us)
            async for _ in engine.samples.read(self._stream, interval):
                pass
        return self._figure(f"read {size} rows anywhere", "ms", ours, limit)

    async def _overview(self, engine: EmbeddedEngine) -> Figure:
        level = level_for(self._count, OVERVIEW_ROWS)
        mapped = np.memmap(self._flat, dtype=self._data.layout.dtype, mode="r")
        ours, limit = Stopwatch(), Stopwatch()
        for _ in limit.laps(1):
            reduce(mapped, level)
        for _ in ours.laps(5):
            groups = 0
            async for block in engine.samples.read_decimated(self._stream, ALL_TIME, level):
                groups += len(block.groups)
            assert groups <= OVERVIEW_ROWS
        return self._figure(f"overview in {OVERVIEW_ROWS} rows", "ms", ours, limit)

    async def _info(self, engine: EmbeddedEngine) -> Figure:
        ours = Stopwatch()
        for _ in ours.laps(50):
            await engine.samples.info(self._stream)
        return self._figure("rows, bounds and bytes", "ms", ours)

    async def _size(self, engine: EmbeddedEngine) -> Figure:
        stored = (await engine.samples.info(self._stream)).bytes / self._count
        row_bytes = float(self._data.layout.row_bytes)
        return Figure(self._data.name, "bytes per row, groups included", "B", stored, row_bytes)

    def _figure(
        self, name: str, unit: str, ours: Stopwatch, reference: Stopwatch | None = None
    ) -> Figure:
        other = None if reference is None else reference.median_s * 1e3
        return Figure(self._data.name, name, unit, ours.median_s * 1e3, other)

    def _rate(
        self,
        name: str,
        ours: list[float],
        plain: list[float],
        best: list[float],
        target: float | None,
    ) -> Figure:
        rate, reference, limit = (
            self._count / statistics.median(times) / 1e6 for times in (ours, plain, best)
        )
        return Figure(self._data.name, name, "M rows/s", rate, reference, limit, target)
