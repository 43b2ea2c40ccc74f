"""Spans made where there are none: over chunks that came, and in the holes that changes leave.

Sixteen neighbours become one span of the level above. At the end of a stream they wait until they
are that many, so that each is summed up once on its way; the youngest chunks wait longer, since
they may still be merged. The same holds at the beginning, where retention takes away. Between two
spans nothing may be left over: what lies there is covered by spans as even as can be.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from joule.errors import StorageDamagedError
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.storage.embedded.span_groups import encode_summary, sum_chunks, sum_spans
from joule.storage.embedded.span_table import Hole, Part, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from joule.storage.embedded.chunk_table import Chunk
    from joule.storage.embedded.chunks import Chunks

FAN_OUT: Final = 16
YOUNG_CHUNKS: Final = 32
"""So many last chunks of a stream are in no span."""
SPANS_AT_LEAST: Final = 4
"""So many spans of chunks are made at once at the end of a stream: cheaper than one by one."""
ITEMS_AT_A_TIME: Final = 2048
"""So many are covered at once at the end of a stream: the others have their turn with the next."""

Items: TypeAlias = "list[Chunk] | list[Span]"
"""Neighbours of one level; level 0 stands for chunks."""


class _Gap(NamedTuple):
    """A place without spans of a level: between two, beside the first or last, or all there is."""

    first: int
    last: int
    hole: Hole

    @property
    def is_at_end(self) -> bool:
        return self.last == MAX_TIME

    @property
    def is_at_beginning(self) -> bool:
        return self.first == MIN_TIME


def top_level(rows_full: int, rows: int) -> int:
    """Give the highest level whose groups, made of full chunks, have at most ``rows`` rows."""
    level = 0
    while rows_full <= rows:
        level, rows_full = level + 1, rows_full * FAN_OUT
    return level


def cover(chunks: Chunks) -> None:
    """Make spans where something has changed through ``chunks``.

    To be called at the end of a change, in its transaction: readers rely on there being no holes.
    """
    holes = chunks.table.take_holes(chunks.stream.id)
    level = 1
    while holes:
        holes = list(_cover_all(chunks, level, _gaps(chunks, level, holes)))
        level += 1


def cover_more(chunks: Chunks, level: int) -> bool:
    """Make some of the spans of a level that are missing at its end; whether there were any."""
    (gap,) = _gaps(chunks, level, [Hole(MAX_TIME, MAX_TIME, 0)])
    return _cover(chunks, level, gap) is not None


def _gaps(chunks: Chunks, level: int, holes: Iterable[Hole]) -> list[_Gap]:
    """Give the gaps that holes lie in, in order, each once."""
    gaps: list[_Gap] = []
    for hole in sorted(holes):
        if gaps and hole.last <= gaps[-1].last:
            gaps[-1] = gaps[-1]._replace(hole=gaps[-1].hole.union(hole))
        else:
            gaps.append(_gap(chunks, level, hole))
    return gaps


def _gap(chunks: Chunks, level: int, hole: Hole) -> _Gap:
    spans, stream = chunks.table.spans, chunks.stream.id
    end = spans.end(stream)
    if level == 1 and MIN_TIME < end < hole.first:
        return _Gap(end + 1, MAX_TIME, hole)  # mostly: rows have come in behind all others
    before = spans.before(stream, level, hole.first)
    behind = spans.behind(stream, level, hole.last)
    first = MIN_TIME if before is None else before.last + 1
    last = MAX_TIME if behind is None else behind.first - 1
    return _Gap(first, last, hole)


def _cover_all(chunks: Chunks, level: int, gaps: Iterable[_Gap]) -> Iterator[Hole]:
    """Cover gaps, in order; what is damaged in one must not stop rows from coming in."""
    for gap in gaps:
        try:
            hole = _cover(chunks, level, gap)
        except StorageDamagedError:
            if gap.is_at_end or gap.is_at_beginning:
                continue
            # No hole may stay between spans: there are none from here on.
            chunks.table.spans.uncover(chunks.stream.id, gap.first, MAX_TIME)
            return
        if hole is not None:
            yield hole


def _cover(chunks: Chunks, level: int, gap: _Gap) -> Hole | None:
    """Put spans into a gap; gives the hole that this makes in the level above, if it does."""
    if gap.is_at_end:
        pieces = list(_from_left(_last_items(chunks, level - 1, gap)))
    elif gap.is_at_beginning:
        pieces = list(_from_right(_items(chunks, level - 1, gap)))
    else:
        found = _items(chunks, level - 1, gap)
        if 0 < len(found) < FAN_OUT // 2:
            gap = _widened(chunks, level, gap)
            found = _items(chunks, level - 1, gap)
        pieces = list(_evenly(found))
    for piece in pieces:
        chunks.table.spans.put(chunks.stream.id, level, _joined(chunks, piece))
    if pieces:
        covered = Hole(pieces[0][0].first, pieces[-1][-1].last, gap.hole.depth)
        return gap.hole.union(covered)
    return gap.hole if gap.hole.depth > level else None


def _widened(chunks: Chunks, level: int, gap: _Gap) -> _Gap:
    """Take the span before a gap away, so that what is in the gap gets company."""
    spans, stream = chunks.table.spans, chunks.stream.id
    before = spans.before(stream, level, gap.first)
    assert before is not None
    depth = spans.uncover(stream, *before, level)
    return _Gap(before.first, gap.last, gap.hole.union(Hole(*before, depth)))


def _items(chunks: Chunks, level: int, gap: _Gap) -> Items:
    stream = chunks.stream.id
    if level:
        return list(chunks.table.spans.spans(stream, Part(level, gap.first, gap.last)))
    return list(chunks.table.overlapping(stream, Interval(gap.first, gap.last + 1)))


def _last_items(chunks: Chunks, level: int, gap: _Gap) -> Items:
    """Give the items behind the last span; none when they are too few."""
    stream = chunks.stream.id
    if level:
        behind = chunks.table.spans.spans(stream, Part(level, gap.first, gap.last))
        return list(islice(behind, ITEMS_AT_A_TIME))
    found = chunks.table.count_following(stream, gap.first, ITEMS_AT_A_TIME)
    if found < SPANS_AT_LEAST * FAN_OUT + YOUNG_CHUNKS:
        return []
    following = chunks.table.following(stream, gap.first)
    return list(islice(following, (found - YOUNG_CHUNKS) // FAN_OUT * FAN_OUT))


def _from_left(items: Items) -> Iterator[Items]:
    for start in range(0, len(items) - FAN_OUT + 1, FAN_OUT):
        yield items[start : start + FAN_OUT]


def _from_right(items: Items) -> Iterator[Items]:
    return _from_left(items[len(items) % FAN_OUT :])


def _evenly(items: Items) -> Iterator[Items]:
    count = -(-len(items) // FAN_OUT)
    edges = [len(items) * number // count for number in range(count + 1)] if count else []
    return (items[start:end] for start, end in pairwise(edges))


def _joined(chunks: Chunks, items: Items) -> Span:
    if isinstance(items[0], Span):
        summary = sum_spans(items, chunks.stream.layout)
    else:
        summary = sum_chunks(chunks, items)
    groups = None if summary is None else encode_summary(summary, chunks.stream.layout)
    return Span(items[0].first, items[-1].last, sum(item.rows for item in items), groups)
