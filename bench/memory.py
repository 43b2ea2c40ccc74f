"""Resident memory of a process that imports or reads, measured in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from bench.data import MAINS
from bench.figures import Figure
from joule.models.intervals import ALL_TIME
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import StreamRef

BLOCK = 65_536


async def run(folder: Path, blocks: int) -> list[Figure]:
    """Let a child process write and read ``blocks`` blocks and ask for its peak memory."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(folder), str(blocks), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    start, written, read = json.loads(out)
    name = f"{blocks * BLOCK} rows in blocks of {BLOCK}"
    return [
        Figure("memory", "process with the engine open", "MB", start),
        Figure("memory", f"peak after writing {name}", "MB", written),
        Figure("memory", "peak after reading them", "MB", read),
    ]


async def _child(folder: Path, blocks: int) -> list[float]:
    stream = StreamRef(1, MAINS.layout)
    rows = MAINS.rows(BLOCK)
    async with EmbeddedEngine(folder / "memory.db") as engine:
        peaks = [_peak_mb()]
        for number in range(blocks):
            part = rows.copy()
            part["timestamp"] += number * BLOCK * MAINS.step_us
            engine.samples.append(stream, part)
            await engine.samples.commit()
        peaks.append(_peak_mb())
        async for _ in engine.samples.read(stream, ALL_TIME):
            pass
        return [*peaks, _peak_mb()]


def _peak_mb() -> float:
    # Not getrusage: its peak begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_child(Path(sys.argv[1]), int(sys.argv[2])))))
