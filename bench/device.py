"""What a device has written, by its own counter, and what a process has handed to the system."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

SECTOR_BYTES = 512


class Device:
    """The device that holds a folder; what others write on it meanwhile is taken off."""

    def __init__(self, folder: Path) -> None:
        number = folder.stat().st_dev
        self._counter = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
        self._idle_per_s = 0.0
        self._began_s, self._before = time.monotonic(), 0

    @property
    def is_counted(self) -> bool:
        """Whether the system counts for this device; not for one in memory or on the network."""
        return self._counter.exists()

    async def learn_idle(self, seconds: float) -> None:
        """Find out what others write, then count from now on."""
        self._begin()
        await asyncio.sleep(seconds)
        self._idle_per_s = self.written() / seconds
        self._begin()

    def written(self) -> float:
        """Bytes written since counting began, all that waits in memory included."""
        os.sync()
        others = self._idle_per_s * (time.monotonic() - self._began_s)
        return self._total() - self._before - others

    def _begin(self) -> None:
        os.sync()
        self._began_s, self._before = time.monotonic(), self._total()

    def _total(self) -> int:
        return int(self._counter.read_text().split()[6]) * SECTOR_BYTES if self.is_counted else 0


def process_written() -> int:
    """Bytes that this process has caused to be written, pages written again counted again."""
    return _number(Path("/proc/self/io"), "write_bytes:")


def resident_mb() -> float:
    """Memory of this process now."""
    return _number(Path("/proc/self/status"), "VmRSS:") / 1024


def _number(path: Path, name: str) -> int:
    return int(path.read_text().partition(f"\n{name}")[2].split()[0])
