from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given

from joule.models.intervals import Interval, clip, difference, intersection
from joule.testing.strategies import bounds, interval_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

HOURS = 24


def covered(intervals: Sequence[Interval]) -> set[int]:
    return {t for piece in intervals for t in range(piece.start, piece.end)}


def assert_well_formed(intervals: Sequence[Interval]) -> None:
    assert all(piece.start < piece.end for piece in intervals)
    assert all(a.end <= b.start for a, b in pairwise(intervals))


small_lists = interval_lists(0, HOURS)


@given(small_lists, small_lists)
def test_intersection_is_that_of_the_sets_of_instants(
    left: list[Interval], right: list[Interval]
) -> None:
    common = intersection(left, right)
    assert_well_formed(common)
    assert covered(common) == covered(left) & covered(right)
    assert common == intersection(right, left)


@given(small_lists, small_lists)
def test_difference_is_that_of_the_sets_of_instants(
    left: list[Interval], right: list[Interval]
) -> None:
    rest = difference(left, right)
    assert_well_formed(rest)
    assert covered(rest) == covered(left) - covered(right)


@given(small_lists, bounds(0, HOURS))
def test_clipping_is_intersection_with_one_interval(left: list[Interval], limit: Interval) -> None:
    assert clip(left, limit) == intersection(left, [limit])
    assert covered(clip(left, limit)) == covered(left) & covered([limit])


@given(interval_lists(), interval_lists())
def test_intersection_and_difference_split_the_time_of_a_list(
    left: list[Interval], right: list[Interval]
) -> None:
    def length(pieces: Sequence[Interval]) -> int:
        return sum(piece.end - piece.start for piece in pieces)

    both, rest = intersection(left, right), difference(left, right)
    assert length(both) + length(rest) == length(left)
    assert intersection(both, rest) == []


@given(interval_lists())
def test_a_list_keeps_the_bounds_between_its_members(left: list[Interval]) -> None:
    assert intersection(left, left) == left
    assert difference(left, []) == left
    assert difference(left, left) == []
