"""What becomes of memory that is not needed any more: some is kept for the rows that come next.

By itself the C library gives every MiB back at once, and the system hands out empty pages for the
next rows: a twentieth of the work of storing them, and a fifth of that of reading a second of data.
"""

from __future__ import annotations

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""Options of ``mallopt``, from ``malloc.h``."""

HEAPS_MAX: Final = 3
"""So many heaps are shared by all threads; by itself there would be eight for each core."""

KEPT_BYTES: Final = 8 << 20
"""Kept free by each heap: some chunks, raw and compressed."""

STEP_BYTES: Final = 2 << 20
"""A heap grows by at least this much."""


def keep_freed_memory() -> None:
    """Keep some of what is freed, for this process; does nothing without the GNU C library."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, HEAPS_MAX)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(_TOP_PAD, STEP_BYTES)
