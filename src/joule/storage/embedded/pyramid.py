"""The stored decimations of a chunk: groups of 64, 1024 and 16384 rows.

Three levels take a tenth of the room of the rows, all of them would take more than the rows. The
levels between are grouped from the one below; 4 and 16 come from raw rows, of which a bounded
answer needs few. Groups start afresh at every break.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.models.decimation import Groups, reduce_at, regroup_at
from joule.storage.codec import decode, decode_plain, encode
from joule.storage.stretch import group_starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.models.layout import Layout, Rows
    from joule.storage.stretch import Stretch

LEVELS: Final = (64, 1024, 16384)


def stored_level(level: int) -> int | None:
    """Give the stored level that ``level`` is grouped from, None when that needs raw rows."""
    return max((stored for stored in LEVELS if stored <= level), default=None)


def build(stretch: Stretch, layout: Layout) -> Iterator[tuple[int, bytes]]:
    """Give each stored level of some rows with its bytes."""
    starts = group_starts(len(stretch), stretch.breaks, LEVELS[0])
    groups = reduce_at(stretch.rows, starts)
    breaks = np.searchsorted(starts, stretch.breaks)
    yield LEVELS[0], encode_groups(groups, layout)
    for below, level in pairwise(LEVELS):
        starts = group_starts(len(groups), breaks, level // below)
        groups = regroup_at(groups, starts)
        breaks = np.searchsorted(starts, breaks)
        yield level, encode_groups(groups, layout)


def encode_groups(groups: Groups, layout: Layout) -> bytes:
    """Give the bytes to store for some groups."""
    records = np.empty(len(groups), dtype=_record(layout))
    records["timestamp"] = groups.timestamp
    records["count"] = groups.count
    records["mean"] = groups.mean
    records["minimum"] = groups.minimum
    records["maximum"] = groups.maximum
    return encode(records)


def decode_groups(data: bytes, layout: Layout) -> Groups:
    """Give the groups back; raises ``StorageDamagedError`` when they do not match their sum."""
    return _groups(decode(data, _record(layout)))


def decode_short_groups(parts: Sequence[bytes], layout: Layout) -> Groups | None:
    """Give the few groups of each of many chunks at once, None when that cannot be."""
    records = decode_plain(parts, _record(layout))
    return None if records is None else _groups(records)


def _groups(records: Rows) -> Groups:
    count = records["count"].astype(np.int64)
    return Groups(
        records["timestamp"], records["mean"], records["minimum"], records["maximum"], count
    )


@lru_cache(maxsize=256)
def _record(layout: Layout) -> np.dtype[Any]:
    value, width = layout.dtype["data"].base, (layout.width,)
    return np.dtype(
        [
            ("timestamp", "<i8"),
            ("count", "<u4"),
            ("mean", "<f8", width),
            ("minimum", value, width),
            ("maximum", value, width),
        ]
    )
