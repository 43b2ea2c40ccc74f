"""Changes in the middle of a stream: late rows, removal, closed gaps.

Every function works on the chunks of one stream within one transaction, loads one chunk at a time,
and makes the spans anew that it touched. Rows in the tail are not seen here: the caller seals them
first where they are concerned.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.storage.embedded.breaks import inside, pack, unpack, with_neighbour
from joule.storage.embedded.covering import cover
from joule.storage.embedded.queries import cut_by
from joule.storage.stretch import NO_BREAKS, Stretch, merge, remove

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.embedded.breaks import Gaps
    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.embedded.chunks import Chunks


class Flags(NamedTuple):
    """Whether there is a break before the first and after the last of some rows."""

    starts_interval: bool
    ends_interval: bool


def insert(chunks: Chunks, rows: Rows, flags: Flags) -> None:
    """Merge rows into the chunks; raises ``DuplicateTimestampError`` for a row that is there."""
    first, last = int(rows["timestamp"][0]), int(rows["timestamp"][-1])
    touched = list(chunks.table.overlapping(chunks.stream.id, Interval(first, last + 1)))
    if touched:
        _merge(chunks, touched, rows, flags)
    else:
        chunks.add(Stretch(rows, NO_BREAKS).with_break(0, present=flags.starts_interval))
    if not touched or touched[-1].last < last:
        _break_between_chunks(chunks, last + 1, present=flags.ends_interval)
    cover(chunks)


def _merge(chunks: Chunks, touched: list[Chunk], rows: Rows, flags: Flags) -> None:
    """Merge each chunk with the rows up to the next one; those before the first go to it."""
    cuts = np.searchsorted(rows["timestamp"], [chunk.first for chunk in touched[1:]])
    shares = pairwise([0, *cuts.tolist(), len(rows)])
    bridged = False
    for chunk, (start, end) in zip(touched, shares, strict=True):
        stretch = chunks.load(chunk)
        if bridged:
            chunks.set_first_break(chunk, present=False)
            stretch = stretch.with_break(0, present=False)
        bridged = start < end and int(rows["timestamp"][end - 1]) > chunk.last
        if start < end:
            merged = merge(stretch, rows[start:end])
            if start == 0:
                merged = _flagged(merged, rows[0], 0, present=flags.starts_interval)
            if end == len(rows):
                merged = _flagged(merged, rows[-1], 1, present=flags.ends_interval)
            chunks.replace(chunk, merged)


def _flagged(stretch: Stretch, row: np.void, distance: int, *, present: bool) -> Stretch:
    """Put a break before, or with ``distance`` 1 after, a row of the stretch or take it away."""
    index = int(np.searchsorted(stretch.rows["timestamp"], row["timestamp"])) + distance
    return stretch.with_break(index, present=present) if index < len(stretch) else stretch


def _break_between_chunks(chunks: Chunks, time: int, *, present: bool) -> None:
    """Put a break before the first chunk behind ``time``, or take it away."""
    chunk = next(chunks.table.following(chunks.stream.id, time), None)
    if chunk is not None:
        chunks.set_first_break(chunk, present=present)


def delete(chunks: Chunks, interval: Interval) -> int:
    """Remove the rows of ``[start, end)``, leave a break in their place, give their number."""
    removed, behind = 0, False
    for chunk in cut_by(chunks, interval):
        stretch = chunks.load(chunk)
        start, end = stretch.span(interval)
        if start < end:
            chunks.replace(chunk, remove(stretch, start, end))
        removed += end - start
        behind = behind or end < len(stretch)
    # No other chunk begins in the range: what was cut begins before it or behind it now.
    removed += chunks.table.remove(chunks.stream.id, interval.start, interval.end - 1)
    if removed and not behind:
        _break_between_chunks(chunks, interval.end, present=True)
    cover(chunks)
    return removed


def consolidate(chunks: Chunks, interval: Interval, max_gap_us: int) -> int:
    """Remove the breaks inside the range with a gap of at most ``max_gap_us``; their number."""
    closed = 0
    for chunk, before in chunks.table.with_breaks(chunks.stream.id, interval):
        gaps = unpack(chunk.breaks)
        doomed = _small(inside(with_neighbour(gaps, before), interval), max_gap_us)["row"]
        if len(doomed):
            breaks = pack(gaps[~np.isin(gaps["row"], doomed)])
            chunks.table.set_breaks(chunks.stream.id, chunk.first, breaks)
            if doomed[-1] > 0:
                chunks.rebuild_pyramid(chunk._replace(breaks=breaks))
        closed += len(doomed)
    cover(chunks)
    return closed


def _small(gaps: Gaps, max_gap_us: int) -> Gaps:
    # Unsigned, since a gap may be longer than the largest signed number.
    length = gaps["after"].astype(np.uint64) - gaps["before"].astype(np.uint64) - np.uint64(1)
    return gaps[length <= np.uint64(max(max_gap_us, 0))]


def retain(chunks: Chunks, before: int) -> int:
    """Remove the chunks whose rows are all earlier than ``before``; give the number of rows."""
    kept = next(chunks.table.following(chunks.stream.id, before), None)
    last = MAX_TIME if kept is None else kept.first - 1
    removed = chunks.table.remove(chunks.stream.id, MIN_TIME, last)
    cover(chunks)
    return removed
