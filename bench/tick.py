"""Many slow streams: what one group commit a second costs, and how long it takes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bench.data import FEATURES
from bench.figures import Figure, Stopwatch
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from pathlib import Path

STREAMS, ROWS = 200, 5
GROUP = f"{STREAMS} streams x {ROWS} rows a second"


async def run(folder: Path, ticks: int) -> list[Figure]:
    """Append and commit ``ticks`` times; the flat file gets all rows in one write and a sync."""
    rows = FEATURES.rows(ROWS * ticks)
    parts = [rows[at : at + ROWS] for at in range(0, len(rows), ROWS)]
    streams = [StreamRef(number, FEATURES.layout) for number in range(1, STREAMS + 1)]
    ours, limit = Stopwatch(), Stopwatch()
    with (folder / "slow").open("wb", buffering=0) as file:
        for number in limit.laps(ticks):
            file.write(parts[number].tobytes() * STREAMS)
            os.fdatasync(file.fileno())
    async with EmbeddedEngine(folder / "slow.db") as engine:
        busy_s = time.process_time()
        for number in ours.laps(ticks):
            for stream in streams:
                engine.samples.append(stream, parts[number].copy())
            await engine.samples.commit()
        busy_s = time.process_time() - busy_s
    opening_s = time.process_time()
    async with EmbeddedEngine(folder / "slow.db"):
        opening_s = time.process_time() - opening_s
    return [
        Figure(GROUP, "processor time of a second", "% of a core", 100 * busy_s / ticks),
        Figure(GROUP, f"processor time to open {ticks} s of them", "ms", 1e3 * opening_s),
        Figure(GROUP, "commit, median", "ms", ours.median_s * 1e3, limit.median_s * 1e3),
        Figure(GROUP, "commit, p99", "ms", ours.part_s(0.99) * 1e3, limit.part_s(0.99) * 1e3),
        Figure(GROUP, "commit, worst", "ms", ours.part_s(1) * 1e3, limit.part_s(1) * 1e3),
    ]
