from __future__ import annotations

from joule.models.intervals import (
    ALL_TIME,
    MAX_TIME,
    MIN_TIME,
    Interval,
    bounded,
    clip,
    difference,
    intersection,
)


def pieces(*bounds: tuple[int, int]) -> list[Interval]:
    return [Interval(*pair) for pair in bounds]


def test_an_interval_contains_its_start_and_not_its_end() -> None:
    assert 1 in Interval(1, 3)
    assert 2 in Interval(1, 3)
    assert 3 not in Interval(1, 3)
    assert 0 not in Interval(1, 3)


def test_absent_bounds_are_the_extremes() -> None:
    assert bounded(None, None) == ALL_TIME
    assert bounded(0, None) == Interval(0, MAX_TIME)
    assert bounded(None, 0) == Interval(MIN_TIME, 0)


def test_clipping_gives_the_common_part_or_none() -> None:
    assert Interval(0, 10).clip(Interval(5, 20)) == Interval(5, 10)
    assert Interval(0, 10).clip(Interval(2, 3)) == Interval(2, 3)
    assert Interval(0, 10).clip(Interval(10, 20)) is None
    assert Interval(0, 10).clip(Interval(12, 20)) is None


def test_clipping_a_list_leaves_out_what_is_outside() -> None:
    assert clip(pieces((0, 2), (4, 6), (8, 10)), Interval(1, 8)) == pieces((1, 2), (4, 6))


def test_intersection_is_the_time_in_both() -> None:
    left, right = pieces((0, 10), (20, 30), (30, 40)), pieces((5, 25), (28, 35))
    expected = pieces((5, 10), (20, 25), (28, 30), (30, 35))
    assert intersection(left, right) == expected
    assert intersection(right, left) == expected


def test_touching_intervals_have_nothing_in_common() -> None:
    assert intersection(pieces((0, 5)), pieces((5, 10))) == []
    assert intersection(pieces((0, 5)), []) == []


def test_difference_is_the_time_in_the_first_only() -> None:
    left = pieces((0, 10), (20, 30), (30, 40))
    assert difference(left, pieces((2, 3), (5, 25), (39, 50))) == pieces(
        (0, 2), (3, 5), (25, 30), (30, 39)
    )
    assert difference(left, []) == left
    assert difference(left, [ALL_TIME]) == []
    assert difference(pieces((5, 6)), pieces((0, 5), (6, 9))) == pieces((5, 6))


def test_one_long_interval_can_cover_several() -> None:
    assert difference(pieces((0, 2), (3, 4), (6, 9)), pieces((1, 7))) == pieces((0, 1), (7, 9))
