"""The rows of a data stream, copied and summed up."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from joule.errors import StorageError
from joule.models.intervals import ALL_TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.models.layout import Rows
    from joule.storage.interfaces import SampleStore, StreamRef

    Advance = Callable[[int], None]

COMMIT_BYTES: Final = 8 << 20
"""So many bytes of rows are made durable at once."""


class RowSum(NamedTuple):
    """Rows and intervals of a stream, and checksums of the rows and of where the breaks are."""

    rows: int
    intervals: int
    contents: str
    breaks: str


async def copy_rows(
    source: SampleStore, target: SampleStore, stream: StreamRef, advance: Advance
) -> None:
    """Append what the destination does not have; the last of it awaits a commit.

    Raises ``StorageError`` when the last row of the destination is not in the source.
    """
    there = await target.info(stream)
    advance(there.rows)
    last, wanted = there.end, ALL_TIME
    if last is not None:
        wanted = ALL_TIME._replace(start=last)
        # The break behind the last row shows only when it is read again.
        if await source.last_before(stream, last + 1) != last:
            raise StorageError(f"{stream.name}: the destination has other rows than the source")
    async for rows, starts_interval in source.read(stream, wanted):
        new = rows if last is None else rows[rows["timestamp"] > last]
        if len(new):
            target.append(stream, new, starts_interval=starts_interval)
            advance(len(new))
        if target.pending_bytes >= COMMIT_BYTES:
            await target.commit()


async def rows_sum(store: SampleStore, stream: StreamRef, advance: Advance) -> RowSum:
    """Read a stream from end to end."""
    count, breaks, data_sum, breaks_sum = 0, 0, sha256(), sha256()
    async for rows, starts_interval in store.read(stream, ALL_TIME):
        if starts_interval and len(rows):
            breaks += 1
            breaks_sum.update(count.to_bytes(8, "little"))
        data_sum.update(_packed(rows))
        count += len(rows)
        advance(len(rows))
    intervals = breaks + 1 if count else 0
    return RowSum(count, intervals, data_sum.hexdigest(), breaks_sum.hexdigest())


def _packed(rows: Rows) -> memoryview:
    return np.ascontiguousarray(rows).view(np.uint8).data
