from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.errors import DuplicateTimestampError
from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.stretch import Stretch, cut, group_starts, join, merge, remove
from joule.testing.engine_contract.checks import make_rows

LAYOUT = Layout("int16", 1)


def stretch(times: list[int], starts: list[int] | None = None) -> Stretch:
    """Rows at ``times`` with breaks before the rows at ``starts``."""
    indices = [times.index(time) for time in starts or []]
    return Stretch(make_rows(LAYOUT, times), np.array(indices, dtype=np.intp))


def told(it: Stretch) -> tuple[list[int], list[int]]:
    times = it.rows["timestamp"]
    return times.tolist(), times[it.breaks].tolist()


def test_a_part_keeps_the_breaks_before_its_rows() -> None:
    whole = stretch([1, 2, 3, 4, 5], [1, 3, 5])
    assert told(whole.part(0, 5)) == ([1, 2, 3, 4, 5], [1, 3, 5])
    assert told(whole.part(1, 4)) == ([2, 3, 4], [3])
    assert told(whole.part(2, 2)) == ([], [])


def test_clipping_goes_by_half_open_time() -> None:
    whole = stretch([10, 20, 30], [20])
    assert told(whole.clip(Interval(10, 30))) == ([10, 20], [20])
    assert told(whole.clip(Interval(11, 31))) == ([20, 30], [20])
    assert told(whole.clip(Interval(21, 29))) == ([], [])
    assert told(whole.clip(Interval(31, 5))) == ([], [])
    assert told(whole.part(0, 0).clip(Interval(0, 99))) == ([], [])


def test_runs_are_the_unbroken_pieces() -> None:
    runs = list(stretch([1, 2, 3, 4], [1, 3]).runs())
    assert [told(run) for run in runs] == [([1, 2], [1]), ([3, 4], [3])]


def test_joining_undoes_cutting() -> None:
    whole = stretch(list(range(10)), [0, 4, 5])
    pieces = list(cut(whole, 4))
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert told(join(pieces)) == told(whole)


def test_a_break_can_be_put_and_taken_away() -> None:
    whole = stretch([1, 2, 3], [2])
    assert told(whole.with_break(2, present=True)) == ([1, 2, 3], [2, 3])
    assert told(whole.with_break(1, present=True)) == ([1, 2, 3], [2])
    assert told(whole.with_break(1, present=False)) == ([1, 2, 3], [])


def test_merged_rows_bridge_the_breaks_they_fall_into_and_no_others() -> None:
    old = stretch([10, 20, 30, 40], [10, 20, 40])
    merged = merge(old, make_rows(LAYOUT, [15, 25]))
    assert told(merged) == ([10, 15, 20, 25, 30, 40], [10, 40])


def test_rows_before_the_first_bridge_the_break_before_it() -> None:
    assert told(merge(stretch([10, 20], [10]), make_rows(LAYOUT, [5]))) == ([5, 10, 20], [])


def test_the_first_of_several_duplicates_is_named() -> None:
    with pytest.raises(DuplicateTimestampError, match="20 already exists"):
        merge(stretch([10, 20, 30]), make_rows(LAYOUT, [15, 20, 30]))


@pytest.mark.parametrize(
    ("start", "end", "times", "starts"),
    [
        (1, 3, [1, 4, 5], [4]),
        (0, 2, [3, 4, 5], [3]),
        (3, 5, [1, 2, 3], [2]),
        (0, 5, [], []),
        (2, 2, [1, 2, 3, 4, 5], [2]),
    ],
)
def test_a_break_stays_where_rows_were_removed(
    start: int, end: int, times: list[int], starts: list[int]
) -> None:
    assert told(remove(stretch([1, 2, 3, 4, 5], [2]), start, end)) == (times, starts)


@given(st.integers(1, 200), st.sets(st.integers(0, 199)), st.integers(1, 70))
def test_groups_start_at_breaks_and_after_factor_rows(
    length: int, breaks: set[int], factor: int
) -> None:
    inside = sorted(b for b in breaks if b < length)
    expected, filled = [], 0
    for row in range(length):
        if row in inside or filled == factor or row == 0:
            expected.append(row)
            filled = 0
        filled += 1
    found = group_starts(length, np.array(inside, dtype=np.intp), factor)
    assert found.tolist() == expected
