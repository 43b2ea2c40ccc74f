"""The embedded engine beside a flat file of packed rows: the least any store has to do.

Rows are 4 x float32, 24 bytes, noisy sines at 8 kHz. The flat file is written in the same blocks
with a sync after each, and read with numpy; it keeps no intervals, no groups and no checksums.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from bench.figures import Figure, Stopwatch
from joule.models.decimation import level_for, reduce
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows

LAYOUT = Layout("float32", 4)
STREAM = StreamRef(1, LAYOUT)
START_US = 1_700_000_000_000_000
STEP_US = 125
SECOND_ROWS = 8000
BLOCKS = (20_000, 174_000, 1_000_000)
OVERVIEW_ROWS = 2000
SLOW_STREAMS, SLOW_ROWS, TICKS = 200, 5, 60


def make_rows(count: int) -> Rows:
    """Noisy sines; the noise is what compression cannot take away."""
    rows = np.empty(count, dtype=LAYOUT.dtype)
    rows["timestamp"] = START_US + np.arange(count) * STEP_US
    random = np.random.default_rng(1)
    for i in range(LAYOUT.width):
        wave = 100 * np.sin(np.arange(count) * (i + 1) * 0.00047)
        rows["data"][:, i] = wave + random.normal(size=count)
    return rows


async def run(folder: Path, count: int) -> list[Figure]:
    """Measure everything with ``count`` rows; files go to ``folder`` and stay there."""
    rows = make_rows(count)
    figures = []
    for block in BLOCKS:
        flat, path = folder / f"flat{block}", folder / f"store{block}.db"
        limit = count / _write_flat(flat, rows, block) / 1e6
        async with EmbeddedEngine(path) as engine:
            ours = count / await _append(engine, rows, block) / 1e6
            name = f"append + commit, blocks of {block} rows"
            figures.append(Figure(name, "M rows/s", ours, limit))
            if block == BLOCKS[-1]:
                figures += await _questions(engine, flat, count)
    return [*figures, await _tick(folder / "slow.db", folder / "slow")]


def _write_flat(path: Path, rows: Rows, block: int) -> float:
    start = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(rows), block):
            file.write(rows[at : at + block].data)
            os.fdatasync(file.fileno())
    return time.perf_counter() - start


async def _append(engine: EmbeddedEngine, rows: Rows, block: int) -> float:
    start = time.perf_counter()
    for at in range(0, len(rows), block):
        engine.samples.append(STREAM, rows[at : at + block])
        await engine.samples.commit()
    return time.perf_counter() - start


async def _questions(engine: EmbeddedEngine, flat: Path, count: int) -> list[Figure]:
    usage = (await engine.samples.info(STREAM)).bytes
    return [
        Figure("bytes per row", "B", usage / count, LAYOUT.row_bytes),
        await _full_read(engine, flat, count),
        await _second(engine, flat, count),
        await _overview(engine, flat, count),
        await _info(engine),
    ]


async def _full_read(engine: EmbeddedEngine, flat: Path, count: int) -> Figure:
    ours, limit = Stopwatch(), Stopwatch()
    for _ in limit.laps(3):
        with flat.open("rb", buffering=0) as file:
            while file.read(512 * 1024):
                pass
    for _ in ours.laps(3):
        read = 0
        async for block in engine.samples.read(STREAM, ALL_TIME):
            read += len(block.rows)
        assert read == count
    return Figure(
        "read all rows", "M rows/s", count / ours.median_s / 1e6, count / limit.median_s / 1e6
    )


async def _second(engine: EmbeddedEngine, flat: Path, count: int) -> Figure:
    starts = np.random.default_rng(2).integers(0, max(count - SECOND_ROWS, 1), size=50)
    mapped = np.memmap(flat, dtype=LAYOUT.dtype, mode="r")
    ours, limit = Stopwatch(), Stopwatch()
    for number in limit.laps(len(starts)):
        mapped[starts[number] : starts[number] + SECOND_ROWS].copy()
    for number in ours.laps(len(starts)):
        start = START_US + int(starts[number]) * STEP_US
        async for _ in engine.samples.read(STREAM, Interval(start, start + 1_000_000)):
            pass
    return Figure("read 1 s anywhere", "ms", ours.median_s * 1e3, limit.median_s * 1e3)


async def _overview(engine: EmbeddedEngine, flat: Path, count: int) -> Figure:
    level = level_for(count, OVERVIEW_ROWS)
    mapped = np.memmap(flat, dtype=LAYOUT.dtype, mode="r")
    ours, limit = Stopwatch(), Stopwatch()
    for _ in limit.laps(1):
        reduce(mapped, level)
    for _ in ours.laps(9):
        groups = 0
        async for block in engine.samples.read_decimated(STREAM, ALL_TIME, level):
            groups += len(block.groups)
        assert groups <= OVERVIEW_ROWS
    return Figure("overview of all rows", "ms", ours.median_s * 1e3, limit.median_s * 1e3)


async def _info(engine: EmbeddedEngine) -> Figure:
    ours = Stopwatch()
    for _ in ours.laps(50):
        await engine.samples.info(STREAM)
    return Figure("rows, bounds and bytes of a stream", "ms", ours.median_s * 1e3)


async def _tick(path: Path, flat: Path) -> Figure:
    """Many slow streams in one commit; the flat file gets all their rows in one write."""
    rows = make_rows(SLOW_ROWS * TICKS)
    streams = [StreamRef(number, LAYOUT) for number in range(1, SLOW_STREAMS + 1)]
    parts = [rows[at : at + SLOW_ROWS] for at in range(0, len(rows), SLOW_ROWS)]
    ours, limit = Stopwatch(), Stopwatch()
    with flat.open("wb", buffering=0) as file:
        for number in limit.laps(TICKS):
            file.write(parts[number].tobytes() * SLOW_STREAMS)
            os.fdatasync(file.fileno())
    async with EmbeddedEngine(path) as engine:
        for number in ours.laps(TICKS):
            for stream in streams:
                engine.samples.append(stream, parts[number].copy())
            await engine.samples.commit()
    name = f"append {SLOW_ROWS} rows to each of {SLOW_STREAMS} streams + commit"
    return Figure(name, "ms", ours.median_s * 1e3, limit.median_s * 1e3)
