"""The breaks of a chunk as bytes, so that intervals are known without decoding any rows.

Each break is kept with the index of the row behind it and the timestamps on both sides. The one
before a chunk's first row belongs between two chunks: what lies before it is found there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from joule.errors import StorageDamagedError
from joule.storage.stretch import NO_BREAKS, Stretch

if TYPE_CHECKING:
    from joule.models.intervals import Interval
    from joule.storage.stretch import Indices

_RECORD: Final = np.dtype([("row", "<u4"), ("before", "<i8"), ("after", "<i8")])

Gaps: TypeAlias = np.ndarray[Any, np.dtype[np.void]]
"""``(k,)`` records: ``row`` index, timestamps ``before`` and ``after`` the break."""


def gaps_of(stretch: Stretch) -> Gaps:
    """Give the breaks of a stretch; what is before its first row is not known and set to 0."""
    gaps = np.zeros(len(stretch.breaks), dtype=_RECORD)
    times = stretch.rows["timestamp"]
    gaps["row"] = stretch.breaks
    gaps["after"] = times[stretch.breaks]
    inner = stretch.breaks > 0
    gaps["before"][inner] = times[stretch.breaks[inner] - 1]
    return gaps


def pack(gaps: Gaps) -> bytes | None:
    """Give the bytes to store, None for no breaks."""
    return gaps.tobytes() if len(gaps) else None


def unpack(data: bytes | None) -> Gaps:
    """Give the breaks back; ``StorageDamagedError`` when it is not a whole number of them."""
    if data is not None and len(data) % _RECORD.itemsize:
        raise StorageDamagedError(f"stored breaks have {len(data)} bytes")
    return np.frombuffer(data or b"", dtype=_RECORD)


def break_rows(data: bytes | None) -> Indices:
    """Give the indices of the rows that start an interval."""
    return NO_BREAKS if data is None else unpack(data)["row"].astype(np.intp)


def fit(data: bytes | None, stretch: Stretch) -> bool:
    """Whether stored breaks are those of a stretch."""
    gaps = unpack(data)
    rows = gaps["row"].astype(np.intp)
    if not len(rows):
        return True
    if rows[-1] >= len(stretch) or (np.diff(rows) <= 0).any():
        return False
    return bool((gaps == gaps_of(Stretch(stretch.rows, rows))).all())


def with_first(gaps: Gaps, first: int, *, present: bool) -> Gaps:
    """The same breaks with one before the first row, whose timestamp is given, or without it."""
    others = gaps[gaps["row"] > 0]
    if not present:
        return others
    return np.concatenate([np.array([(0, 0, first)], dtype=_RECORD), others])


def with_neighbour(gaps: Gaps, before: int | None) -> Gaps:
    """The same breaks knowing the last row before them; without one, nothing is broken there."""
    if before is None:
        return gaps[gaps["row"] > 0]
    gaps = gaps.copy()
    gaps["before"][gaps["row"] == 0] = before
    return gaps


def inside(gaps: Gaps, interval: Interval) -> Gaps:
    """Give the breaks that have the rows on both their sides in ``[start, end)``."""
    return gaps[(gaps["before"] >= interval.start) & (gaps["after"] < interval.end)]
