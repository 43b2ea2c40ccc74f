"""The long run: many slow streams, durable each second, for minutes or for hours of data.

In real time, ``make bench ARGS="--steady 30"`` (minutes), or back to back, ``--cycles 14400``
(seconds of data). The engine has a process of its own. What the device wrote is its own count;
others on the same device are taken off as they were before, so that a file system on a loop
device (``truncate``, ``mkfs``, ``mount -o loop``), named with ``--folder``, is the cleanest.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import numpy as np

from bench.data import START_US
from bench.device import Device, process_written, resident_mb
from bench.figures import Figure
from joule.models.layout import Layout
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.layout import Rows

STREAMS, ROWS = 200, 5
LAYOUT = Layout("float32", 4)
RAW_BYTES = STREAMS * ROWS * LAYOUT.row_bytes
SECOND_US = 1_000_000
MINUTE = 60
UPKEEP_S = 10
"""A node does it that often."""
TICK_S = 0.005
IDLE_S = 5.0

Line = tuple[str, str, float]


async def run(folder: Path, seconds: int, period_s: float) -> list[Figure]:
    """Let a child process write so many seconds of data, one each period."""
    words = (str(folder), str(seconds), str(period_s))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    how = "in real time" if period_s else "back to back"
    group = f"{STREAMS} streams x {ROWS} rows a second, {seconds} s {how}"
    return [Figure(group, *line) for line in json.loads(out)]


class Signals:
    """Slow values with noise, as they come."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._levels = self._random.normal(100, 10, (STREAMS, 1, LAYOUT.width))

    def second(self, number: int) -> list[Rows]:
        """Give what all streams get in a second."""
        self._levels += self._random.normal(0, 0.01, self._levels.shape)
        rows = np.empty((STREAMS, ROWS), dtype=LAYOUT.dtype)
        step_us = SECOND_US // ROWS
        rows["timestamp"] = START_US + number * SECOND_US + np.arange(ROWS) * step_us
        rows["data"] = self._levels + self._random.normal(0, 0.1, rows["data"].shape)
        return [part.copy() for part in rows]


class Load:
    """The work of the child. Odd minutes count its time, in even ones its event loop is watched.

    The watching, an event due every 5 ms, takes more time than all else.
    """

    def __init__(self, engine: EmbeddedEngine, period_s: float) -> None:
        self.busy_s: list[float] = []
        self.late_s: list[float] = []
        self._engine = engine
        self._period_s = period_s
        self._due_s = time.monotonic()
        self._signals = Signals()
        self._streams = [StreamRef(number, LAYOUT) for number in range(1, STREAMS + 1)]

    async def run(self, seconds: int) -> None:
        """Write so many seconds of data."""
        for start in range(0, seconds, MINUTE):
            is_watched = start // MINUTE % 2 == 1
            count = min(MINUTE, seconds - start)
            async with self._watched() if is_watched else nullcontext():
                busy_s = await self._minute(start, count)
            if not is_watched:
                self.busy_s.append(busy_s / count)

    async def _minute(self, start: int, count: int) -> float:
        """Write so many seconds and give the time of the processor for them, upkeep included."""
        began_s, making_s = time.process_time(), 0.0
        for number in range(start, start + count):
            self._due_s = max(self._due_s + self._period_s, time.monotonic())
            await asyncio.sleep(self._due_s - time.monotonic())
            making_s -= time.thread_time()
            parts = self._signals.second(number)
            making_s += time.thread_time()
            for stream, rows in zip(self._streams, parts, strict=True):
                self._engine.samples.append(stream, rows)
            await self._engine.samples.commit()
            if (number + 1) % UPKEEP_S == 0:
                await self._engine.maintain()
        return time.process_time() - began_s - making_s

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            task.cancel()

    async def _tick(self) -> None:
        """Note how late the event loop is with what is due every 5 ms."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self.late_s.append(loop.time() - due_s)


async def _child(folder: Path, seconds: int, period_s: float) -> list[Line]:
    path, device = folder / "steady.db", Device(folder)
    await device.learn_idle(IDLE_S)
    process_before = process_written()
    async with EmbeddedEngine(path) as engine:
        load = Load(engine, period_s)
        await load.run(seconds)
        memory_mb, size = resident_mb(), (await engine.usage()).size_bytes
        written, process = device.written(), process_written() - process_before
    raw, late_s = seconds * RAW_BYTES, sorted(load.late_s) or [0.0]
    lines = [("written by the device / raw bytes", "", written / raw)] if device.is_counted else []
    return [
        ("processor time", "% of a core", 100 * sum(load.busy_s) / len(load.busy_s)),
        *lines,
        ("written by the process / raw bytes", "", process / raw),
        ("event loop late, p99", "ms", 1e3 * late_s[int(len(late_s) * 0.99)]),
        ("event loop late, worst", "ms", 1e3 * late_s[-1]),
        ("resident memory", "MB", memory_mb),
        ("rows of a chunk, mean", "", _chunk_rows(path)),
        ("file / raw bytes", "", size / raw),
    ]


def _chunk_rows(path: Path) -> float:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    ((mean,),) = connection.execute("SELECT ifnull(avg(rows), 0) FROM chunk")
    connection.close()
    return float(mean)


if __name__ == "__main__":
    _words = sys.argv[1:]
    print(json.dumps(asyncio.run(_child(Path(_words[0]), int(_words[1]), float(_words[2])))))
