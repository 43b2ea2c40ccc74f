"""Interval lists as scripts write them."""

from __future__ import annotations

import pytest

import joule.utilities
from joule.utilities.interval_tools import interval_difference, interval_intersection


def test_a_difference_cuts_pieces_out() -> None:
    assert interval_difference([[0, 10]], [[3, 5], [7, 12]]) == [[0, 3], [5, 7]]


def test_an_intersection_keeps_what_both_cover() -> None:
    assert interval_intersection([[0, 10], [20, 30]], [[3, 25]]) == [[3, 10], [20, 25]]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([], [[1, 2]], []),
        ([[0, 10]], [], [[0, 10]]),
        ([[0, 10]], [[0, 10]], []),
        ([(0, 10), (10, 20)], [(3, 5)], [[0, 3], [5, 10], [10, 20]]),
    ],
)
def test_adjacent_pieces_stay_separate_and_empty_ones_vanish(
    left: list[list[int]], right: list[list[int]], expected: list[list[int]]
) -> None:
    assert interval_difference(left, right) == expected


def test_touching_intervals_have_nothing_in_common() -> None:
    assert interval_intersection([[0, 10]], [[10, 20]]) == []


def test_both_are_reachable_from_the_package() -> None:
    assert joule.utilities.interval_difference is interval_difference
    assert joule.utilities.interval_intersection is interval_intersection
    assert joule.utilities.interval_tools.interval_difference is interval_difference
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = joule.utilities.no_such_name
