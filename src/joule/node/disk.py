"""What the data of a node takes on its disk, and how much room is left."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joule.storage.interfaces import StoreUsage

ELSEWHERE = "--remote-database--"
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes of the data itself, of other files, not usable by anybody, and free, on its volume.

    All -1 when the data is not on a disk of this host. ``fault`` says why rows cannot be stored
    now, or that some were lost to damage, None when all is well.
    """

    path: str
    size: int
    other: int
    reserved: int
    free: int
    fault: str | None = None


async def disk_usage(store: StoreUsage) -> DiskUsage:
    """Look at the volume that holds the data."""
    if store.size_bytes < 0:
        return DiskUsage(ELSEWHERE, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, store.fault)
    if store.volume is not None:
        return DiskUsage(store.path, store.size_bytes, *store.volume, fault=store.fault)
    return await asyncio.to_thread(_look, store)


def _look(store: StoreUsage) -> DiskUsage:
    path = Path(store.path)
    if not path.exists():
        # In memory: there is a size, and no volume.
        return DiskUsage(store.path, store.size_bytes, 0, 0, 0, store.fault)
    total, used, free = shutil.disk_usage(path)
    return DiskUsage(
        path=store.path,
        size=store.size_bytes,
        other=max(0, used - store.size_bytes),
        reserved=max(0, total - used - free),
        free=free,
        fault=store.fault,
    )
