"""What a copy has to write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joule.cli.data.missing import Piece, false_breaks, missing, runs
from joule.models.intervals import Interval


def of(*pairs: tuple[int, int]) -> list[Interval]:
    return [Interval(*pair) for pair in pairs]


def test_what_was_cut_off_continues_what_is_there() -> None:
    pieces = missing(of((0, 10), (20, 30)), of((0, 4)))
    assert pieces == [Piece(4, 10, True), Piece(20, 30, False)]


def test_an_interval_that_touches_the_one_before_does_not_continue_it() -> None:
    assert missing(of((0, 10), (10, 20)), of((0, 10))) == [Piece(10, 20, False)]


def test_a_bound_behind_missing_rows_does_not_hide_them() -> None:
    assert missing(of((0, 10)), of((0, 4)), Interval(6, 9)) == [Piece(6, 9, False)]
    assert missing(of((0, 10)), of((0, 4)), Interval(4, 9)) == [Piece(4, 9, True)]


def test_runs_are_ranges_without_anything_stored() -> None:
    source, stored = of((0, 10), (20, 30), (40, 50), (60, 70)), of((0, 4), (32, 34), (62, 65))
    pieces = missing(source, stored)
    assert runs(pieces, stored) == [
        [Piece(4, 10, True), Piece(20, 30, False)],
        [Piece(40, 50, False), Piece(60, 62, False)],
        [Piece(65, 70, True)],
    ]


def test_breaks_that_the_source_does_not_have_are_found() -> None:
    source = of((0, 10), (10, 20), (30, 40))
    stored = of((0, 4), (5, 10), (10, 20), (30, 33), (33, 40))
    assert false_breaks(source, stored) == of((3, 6), (32, 34))
    assert false_breaks(source, source) == []


edges = st.lists(st.integers(0, 60), unique=True, max_size=12).map(sorted)


def intervals(points: list[int]) -> list[Interval]:
    return [Interval(*pair) for pair in zip(points[::2], points[1::2], strict=False)]


@given(edges.map(intervals), edges.map(intervals))
def test_pieces_and_what_is_stored_cover_the_source_once(
    source: list[Interval], stored: list[Interval]
) -> None:
    pieces = missing(source, stored)
    lacking = {t for i in source for t in range(*i)} - {t for i in stored for t in range(*i)}
    covered = [t for piece in pieces for t in range(piece.start, piece.end)]
    assert sorted(covered) == sorted(lacking)
    for run in runs(pieces, stored):
        assert not any(run[0].start < i.end and i.start < run[-1].end for i in stored)
        assert not any(piece.continues for piece in run[1:])
