"""Questions about the rows of one stream: how many, from when to when, where the breaks are.

Each is answered within one read transaction from the chunks and a view of the tail. Chunks count
up to the first row of the view: behind it they may hold rows of the same tail, sealed since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from joule.models.intervals import ALL_TIME, Interval
from joule.storage.embedded.breaks import gaps_of, inside, unpack, with_neighbour
from joule.storage.interfaces import SampleInfo
from joule.storage.stretch import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.storage.embedded.breaks import Gaps
    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.embedded.chunks import Chunks
    from joule.storage.embedded.tail import View


class Bounds(NamedTuple):
    """Timestamps of the first and the last row of a range."""

    first: int
    last: int


def in_chunks(interval: Interval, view: View) -> Interval:
    """Give the part of a range that is looked up in chunks."""
    first = view.first
    return interval if first is None else interval._replace(end=min(interval.end, first))


def info(chunks: Chunks, view: View) -> SampleInfo:
    """Count everything."""
    totals = chunks.table.totals.of(chunks.stream.id)
    rows, last = totals.rows, totals.last
    if view.first is not None:
        if last is not None and last >= view.first:
            rows -= _count_chunks(chunks, ALL_TIME._replace(start=view.first))
        rows, last = rows + view.rows, view.pieces[-1].last
    first = view.first if totals.first is None else totals.first
    size = totals.bytes + view.rows * chunks.stream.layout.row_bytes
    return SampleInfo(rows, first, last, size)


def count(chunks: Chunks, view: View, interval: Interval) -> int:
    """Count the rows in ``[start, end)``."""
    in_tail = (piece.span(interval) for piece in view.pieces)
    rows = sum(end - start for start, end in in_tail)
    return rows + _count_chunks(chunks, in_chunks(interval, view))


def _count_chunks(chunks: Chunks, interval: Interval) -> int:
    if interval.start >= interval.end:
        return 0
    table, stream = chunks.table, chunks.stream.id
    rows = table.rows_between(stream, interval.start, interval.end - 1)
    for chunk in cut_by(chunks, interval):
        start, end = chunks.load(chunk).span(interval)
        rows += end - start
        if chunk.first >= interval.start:
            rows -= chunk.rows
    return rows


def cut_by(chunks: Chunks, interval: Interval) -> list[Chunk]:
    """Chunks that reach over the start or the end of a range; two at most."""
    first = next(chunks.table.overlapping(chunks.stream.id, interval), None)
    last = chunks.table.before(chunks.stream.id, interval.end)
    if first is None or last is None:
        return []
    both = [first] if first.first == last.first else [first, last]
    return [c for c in both if c.first < interval.start or c.last >= interval.end]


def last_before(chunks: Chunks, view: View, time: int) -> int | None:
    """Give the timestamp of the last row earlier than ``time``."""
    before = ALL_TIME._replace(end=time)
    for piece in reversed(view.pieces):
        _, end = piece.span(before)
        if end:
            return piece.part(0, end).last
    return _last_in_chunks(chunks, in_chunks(before, view).end)


def intervals(chunks: Chunks, view: View, interval: Interval) -> list[Interval]:
    """Give the unbroken runs of rows inside ``[start, end)``."""
    older = in_chunks(interval, view)
    bounds = _bounds_in_chunks(chunks, older)
    found = chunks.table.with_breaks(chunks.stream.id, older) if bounds else []
    gaps = [inside(with_neighbour(unpack(c.breaks), before), older) for c, before in found]
    tail = [piece for piece in view.pieces if len(piece.clip(interval))]
    if tail:
        rows = join(tail).clip(interval)
        gaps.append(with_neighbour(gaps_of(rows), bounds.last if bounds else None))
        bounds = Bounds(bounds.first if bounds else rows.first, rows.last)
    return [] if bounds is None else _runs(bounds, gaps)


def ends_in_gap(chunks: Chunks, view: View, interval: Interval) -> bool:
    """Whether a range has rows and ends in the gap behind the last of them, or reaches over it."""
    return any(_ends_in(gaps, interval) for gaps in _gaps_at(chunks, view, interval.end))


def _ends_in(gaps: Gaps, interval: Interval) -> bool:
    begins_inside = (gaps["before"] >= interval.start) & (gaps["before"] < interval.end - 1)
    return bool((begins_inside & (gaps["after"] >= interval.end)).any())


def _gaps_at(chunks: Chunks, view: View, end: int) -> Iterator[Gaps]:
    """Give the gaps of all stretches that may have the first row at or after ``end``."""
    table, stream = chunks.table, chunks.stream.id
    if view.first is None or end <= view.first:
        chunk = next(table.following(stream, end), None)
        if chunk is not None:
            before = table.before(stream, chunk.first)
            yield with_neighbour(unpack(chunk.breaks), None if before is None else before.last)
            return
    last = None if view.first is None else _last_in_chunks(chunks, view.first)
    for piece in view.pieces:
        yield with_neighbour(gaps_of(piece), last)
        last = piece.last


def _runs(bounds: Bounds, gaps: list[Gaps]) -> list[Interval]:
    """Give what is left of the time between two rows when gaps are taken out."""
    starts, ends = [bounds.first], list[int]()
    for part in gaps:
        starts += part["after"].tolist()
        ends += part["before"].tolist()
    return [
        Interval(start, end + 1) for start, end in zip(starts, [*ends, bounds.last], strict=True)
    ]


def _bounds_in_chunks(chunks: Chunks, interval: Interval) -> Bounds | None:
    """Give the first and last row of ``[start, end)`` that are in chunks, None without any."""
    if interval.start >= interval.end:
        return None
    first = _first_in_chunks(chunks, interval.start)
    if first is None or first >= interval.end:
        return None
    last = _last_in_chunks(chunks, interval.end)
    assert last is not None
    return Bounds(first, last)


def _first_in_chunks(chunks: Chunks, start: int) -> int | None:
    """Give the timestamp of the first row at or after ``start``."""
    chunk = next(chunks.table.following(chunks.stream.id, start), None)
    if chunk is None or chunk.first >= start:
        return None if chunk is None else chunk.first
    return chunks.load(chunk).clip(ALL_TIME._replace(start=start)).first


def _last_in_chunks(chunks: Chunks, end: int) -> int | None:
    """Give the timestamp of the last row before ``end``."""
    chunk = chunks.table.before(chunks.stream.id, end)
    if chunk is None or chunk.last < end:
        return None if chunk is None else chunk.last
    return chunks.load(chunk).clip(ALL_TIME._replace(end=end)).last
