"""Which stored groups hold exactly the rows of a range.

No count is stored with a group, but its time is the mean of its four children's, rounded down, and
children lie in order: among those around it there is only one run of four that has this mean. So
the ends of a range are found level by level. What is in no whole group of the level above belongs
to the level at hand, at most three of each end unless rows were deleted or joined; between the
ends lie whole groups of the highest level.
"""

from __future__ import annotations

from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from joule.models.decimation import FACTOR
from joule.models.intervals import Interval
from joule.storage.postgres import level_table, seams
from joule.storage.postgres.times import bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg
    from asyncpg import Record

    from joule.storage.interfaces import StreamRef

CANDIDATES: Final = 3
"""So many groups are looked at from an end inwards; the first is cut off if a range ends in it."""

PIECES_FEW: Final = 8
"""When there are more, one candidate is looked at first: whole intervals cut no group off."""

CUTS_MAX: Final = 512
"""So many pieces of a range are covered at once."""

Cover: TypeAlias = "dict[int, list[Interval]]"
"""Ranges of groups by their level, for each level in order; the groups hold different rows."""


class Match(NamedTuple):
    """A group whose four children lie in a range: its time, and those of its outer children.

    The flags say whether more children lie before and behind them in the range.
    """

    parent: int
    first: int
    last: int
    has_before: bool
    has_behind: bool


class End(NamedTuple):
    """The first group that lies in a range, seen from one of its ends, None when there is none.

    ``cut_off`` are the groups before it: some of their children lie outside of the range, or they
    were not written as Joule writes groups.
    """

    match: Match | None
    cut_off: list[int]


async def cover(
    connection: asyncpg.Connection,
    stream: StreamRef,
    levels: Sequence[int],
    pieces: Sequence[Interval],
) -> Cover:
    """Cover the rows of pieces, which lie between neighbouring cuts, with groups of these levels.

    ``levels`` are stored ones in order, from 1 on.
    """
    found: Cover = {level: [] for level in levels}
    rising = [piece for piece in pieces if piece.start < piece.end]
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


def match_of(parent: int, children: Sequence[int]) -> Match | None:
    """Find the four children of a group among those around it, None when they are not all there."""
    for index in range(len(children) - 3):
        four = children[index : index + 4]
        if sum(four) // 4 == parent:
            return Match(parent, four[0], four[-1], index > 0, index + 4 < len(children))
    return None


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


async def first_pieces(
    connection: asyncpg.Connection, stream: StreamRef, interval: Interval
) -> tuple[list[seams.Cut], list[Interval]]:
    """Cut a range where groups start afresh, ``CUTS_MAX`` times at most; the cuts and the pieces.

    The pieces end before the range does when there are more cuts.
    """
    cuts = await seams.cuts(connection, stream.id, interval, CUTS_MAX)
    inner = [cut.time for cut in cuts if cut.time < interval.end]
    edges = [interval.start, *inner]
    if len(cuts) < CUTS_MAX:
        edges.append(interval.end)
    return cuts, [Interval(*edge) for edge in pairwise(edges)]


async def count_rows(connection: asyncpg.Connection, stream: StreamRef, interval: Interval) -> int:
    """Give the number of stored rows in ``[start, end)``, through groups where there are any."""
    levels = await level_table.stored(connection, stream)
    rows, start = 0, interval.start
    while levels and start < interval.end:
        _, pieces = await first_pieces(connection, stream, interval._replace(start=start))
        for level, ranges in (await cover(connection, stream, levels, pieces)).items():
            rows += level * await level_table.count(connection, stream, level, ranges)
        start = pieces[-1].end
    return rows
