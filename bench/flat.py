"""A flat file of packed rows: the least that any store has to do, without intervals or groups.

In two ways. As one writes it with numpy: ``tobytes`` on the way in, ``np.array`` of a slice of a
memory map of records on the way out. This is what the speed budget calls the flat file; numpy
copies records field by field, several times slower than bytes. And as bytes that move once between
the file and one buffer, over and over: the limit of the machine, which no store that compresses or
checks anything comes near.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.layout import Rows

READ_BYTES = 512 * 1024

ABOUT = """\
reference of the store: a flat file of packed rows. Append: the bytes of each block are made,
written and synced. Read: 512 KiB of records at a time are copied by numpy out of a memory map.
best: the same bytes moved at the speed of memory, on the way out into one buffer over and over.
reference of the client: the same bytes through bare HTTP."""


def write_rows(path: Path, rows: Rows, block: int, *, plain: bool) -> float:
    """Append blocks of rows with a sync after each; seconds. ``plain`` makes bytes of them."""
    start = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(rows), block):
            part = rows[at : at + block]
            file.write(part.tobytes() if plain else part.data)
            os.fdatasync(file.fileno())
    return time.perf_counter() - start


def mapped(path: Path, row_bytes: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Give the file as ``(n, row_bytes)`` bytes in a memory map: numpy copies records slowly."""
    return np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, row_bytes)


def read_rows(path: Path, dtype: np.dtype[np.void]) -> float:
    """Read all rows through a memory map into arrays of their own, block by block; seconds."""
    start = time.perf_counter()
    rows = np.memmap(path, dtype=dtype, mode="r")
    block = READ_BYTES // dtype.itemsize
    for at in range(0, len(rows), block):
        np.array(rows[at : at + block])
    return time.perf_counter() - start


def read_bytes(path: Path) -> float:
    """Read all bytes into one buffer, over and over; seconds."""
    buffer = bytearray(READ_BYTES)
    start = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start
