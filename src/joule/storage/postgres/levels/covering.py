"""Which stored groups hold exactly the rows of a range.

The ends of a range are found level by level. What is in no whole group of the level above belongs
to the level at hand, at most three of each end unless rows were deleted or joined; between the
ends lie whole groups of the highest level. Mostly one question tells all of it (``edges``).
"""

from __future__ import annotations

from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.decimation import FACTOR
from joule.models.intervals import Interval
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.times import bound
from joule.storage.postgres.levels import edges
from joule.storage.postgres.levels.matching import CANDIDATES, match_of
from joule.storage.postgres.tables import interval_table, level_table, seams

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import asyncpg
    from asyncpg import Record

    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.levels.edges import Edges
    from joule.storage.postgres.levels.matching import Cover, Match

PIECES_FEW: Final = 8
"""When there are more, one candidate is looked at first: whole intervals cut no group off."""

CUTS_MAX: Final = 512
"""So many pieces of a range are covered at once."""


class End(NamedTuple):
    """The first group that lies in a range, seen from one of its ends, None when there is none.

    ``cut_off`` are the groups before it: some of their children lie outside of the range, or they
    were not written as Joule writes groups.
    """

    match: Match | None
    cut_off: list[int]


class Look(NamedTuple):
    """What one look at the beginning of a range tells.

    The cuts that were found, the pieces between them, which end before the range does when there
    are more cuts, and how the pieces are covered. ``edges`` are those of a single piece.
    ``ends_in_gap`` says that the range ends in the gap between two intervals.
    """

    cuts: list[seams.Cut]
    pieces: list[Interval]
    cover: Cover
    edges: Edges
    ends_in_gap: bool

    @property
    def end(self) -> int:
        """Where the last piece ends."""
        return self.pieces[-1].end


async def look(
    connection: asyncpg.Connection,
    stream: StreamRef,
    levels: Sequence[int],
    interval: Interval,
    *,
    opening: str = "",
    asks_for_gap: bool = False,
) -> Look:
    """Find the cuts in a range, ``CUTS_MAX`` of them, and the groups that cover it up to the last.

    ``levels`` are stored ones in order, from 1 on. ``opening`` is sent before the questions.
    """
    queries = [
        seams.cuts_query(stream.id, interval, CUTS_MAX),
        edges.query(stream.id, levels, [interval]),
    ]
    if asks_for_gap:
        queries.append(interval_table.gap_query(stream.id, interval.end))
    found_cuts, found_edges, *gap = await ask(connection, [opening, *map(copy_of, queries)])
    cuts = seams.cuts_of(found_cuts)
    pieces = _pieces(interval, [cut.time for cut in cuts])
    is_whole = pieces == [interval]
    known = edges.edges_of(found_edges, levels, 1)[0] if is_whole else {}
    covered = edges.cover(interval, known)
    if covered is None:
        covered = await cover(connection, stream, levels, pieces)
    return Look(cuts, pieces, covered, known, any(found.has_rows for found in gap))


def _pieces(interval: Interval, cuts: Sequence[int]) -> list[Interval]:
    """Give the pieces of a range between cuts, of which there may be more behind these."""
    bounds = [interval.start, *(time for time in cuts if time < interval.end)]
    if len(cuts) < CUTS_MAX:
        bounds.append(interval.end)
    return [Interval(*pair) for pair in pairwise(bounds)]


async def cover(
    connection: asyncpg.Connection,
    stream: StreamRef,
    levels: Sequence[int],
    pieces: Sequence[Interval],
) -> Cover:
    """Cover the rows of pieces, which lie between neighbouring cuts, with groups of these levels.

    ``levels`` are stored ones in order, from 1 on.
    """
    pieces = [piece for piece in pieces if piece.start < piece.end]
    if 0 < len(pieces) <= PIECES_FEW:
        query = edges.query(stream.id, levels, pieces)
        (found,) = await ask(connection, [copy_of(query)])
        known = edges.edges_of(found, levels, len(pieces))
        covers = [edges.cover(piece, each) for piece, each in zip(pieces, known, strict=True)]
        if None not in covers:
            return _together(filter(None, covers), levels)
    return await _cover_by_levels(connection, stream, levels, pieces)


def _together(covers: Iterable[Cover], levels: Sequence[int]) -> Cover:
    """Give the ranges of several pieces by their level."""
    found: Cover = {level: [] for level in levels}
    for each in covers:
        for level, ranges in each.items():
            found[level] += ranges
    return {level: sorted(ranges) for level, ranges in found.items() if ranges}


async def _cover_by_levels(
    connection: asyncpg.Connection,
    stream: StreamRef,
    levels: Sequence[int],
    pieces: Sequence[Interval],
) -> Cover:
    """Cover pieces level by level, with a question for each: many pieces at once, or odd ones."""
    found: Cover = {level: [] for level in levels}
    rising = list(pieces)
    for level, above in pairwise(levels):
        higher = []
        ends = await find_ends(connection, stream, (level, above), rising)
        for piece, ((left, _), (right, _)) in zip(rising, ends, strict=True):
            if left is None or right is None or left.parent > right.parent:
                found[level].append(piece)
                continue
            if left.has_before:
                found[level].append(Interval(piece.start, left.first))
            if right.has_behind:
                found[level].append(Interval(right.last + 1, piece.end))
            higher.append(Interval(left.parent, right.parent + 1))
        rising = higher
    found[levels[-1]] += rising
    return {level: sorted(ranges) for level, ranges in found.items() if ranges}


async def find_ends(
    connection: asyncpg.Connection,
    stream: StreamRef,
    levels: tuple[int, int],
    pieces: Sequence[Interval],
) -> list[tuple[End, End]]:
    """Find the groups of the higher of two levels next to both ends of each piece."""
    if len(pieces) <= PIECES_FEW:
        return await _look(connection, stream, levels, pieces, CANDIDATES)
    found = await _look(connection, stream, levels, pieces, 1)
    again = [i for i, ends in enumerate(found) if any(end.cut_off for end in ends)]
    if again:
        doubtful = [pieces[i] for i in again]
        looked = await _look(connection, stream, levels, doubtful, CANDIDATES)
        for i, ends in zip(again, looked, strict=True):
            found[i] = ends
    return found


async def _look(
    connection: asyncpg.Connection,
    stream: StreamRef,
    levels: tuple[int, int],
    pieces: Sequence[Interval],
    candidates: int,
) -> list[tuple[End, End]]:
    children, parents = (level_table.qualified(stream.id, level) for level in levels)
    starts, ends = [bound(p.start) for p in pieces], [bound(p.end) for p in pieces]
    query = _ends_query(children, parents, candidates)
    sides: list[tuple[list[Record], list[Record]]] = [([], []) for _ in pieces]
    for row in await connection.fetch(query, starts, ends):
        sides[row["number"] - 1][row["is_right"]].append(row)
    return [
        (
            _end(sorted(left, key=itemgetter("time"))),
            _end(sorted(right, key=itemgetter("time"), reverse=True)),
        )
        for left, right in sides
    ]


def _end(rows: Sequence[Record]) -> End:
    cut_off: list[int] = []
    for _, _, parent, before, behind in rows:
        match = match_of(parent, [*reversed(before), *behind])
        if match is not None:
            return End(match, cut_off)
        cut_off.append(parent)
    return End(None, cut_off)


def _ends_query(children: str, parents: str, candidates: int) -> str:
    """Give the SQL for the parents next to each end of ranges, and the children around them."""
    inside = "time >= piece.start AND time < piece.stop"
    return f"""
        SELECT piece.number, parent.is_right, parent.time,
            ARRAY(SELECT time FROM {children} WHERE time >= piece.start AND time <= parent.time
                ORDER BY time DESC LIMIT 4),
            ARRAY(SELECT time FROM {children} WHERE time > parent.time AND time < piece.stop
                ORDER BY time LIMIT 4)
        FROM unnest($1::timestamp[], $2::timestamp[]) WITH ORDINALITY
            AS piece (start, stop, number),
        LATERAL (
            (SELECT time, false AS is_right FROM {parents} WHERE {inside}
                ORDER BY time LIMIT {candidates})
            UNION ALL
            (SELECT time, true FROM {parents} WHERE {inside}
                ORDER BY time DESC LIMIT {candidates})
        ) parent
    """


async def first_row(
    connection: asyncpg.Connection, stream: StreamRef, level: int, time: int
) -> int:
    """Give the time of the first row of a group."""
    while level > 1:
        level //= FACTOR
        table = level_table.qualified(stream.id, level)
        row = await connection.fetchrow(
            f"""
            SELECT ARRAY(SELECT time FROM {table} WHERE time <= $1 ORDER BY time DESC LIMIT 3),
                ARRAY(SELECT time FROM {table} WHERE time > $1 ORDER BY time LIMIT 3)
            """,
            time,
        )
        match = match_of(time, [*reversed(row[0]), *row[1]])
        if match is None:
            break  # written by others: nobody knows what it holds
        time = match.first
    return time


async def count_rows(
    connection: asyncpg.Connection,
    stream: StreamRef,
    interval: Interval,
    levels: Sequence[int] | None = None,
    *,
    opening: str = "",
) -> int:
    """Give the number of stored rows in ``[start, end)``, through groups where there are any.

    ``levels`` are those to use if they are known, ``opening`` is sent before the first question.
    """
    if levels is None:
        levels = await level_table.stored(connection, stream)
    rows, rest = 0, interval
    while levels and rest.start < rest.end:
        found = await look(connection, stream, levels, rest, opening=opening)
        opening = ""
        for level, ranges in found.cover.items():
            rows += level * await _count(connection, stream, level, ranges, found.edges)
        rest = rest._replace(start=found.end)
    return rows


async def _count(
    connection: asyncpg.Connection,
    stream: StreamRef,
    level: int,
    ranges: Sequence[Interval],
    known: Edges,
) -> int:
    counts = [edges.count(known[level], each) for each in ranges] if known else [None]
    if None in counts:
        return await level_table.count(connection, stream, level, ranges)
    return sum(filter(None, counts))
