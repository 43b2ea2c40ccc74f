from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from joule.models.layout import Layout, Rows
from joule.supervisor.salvage import usable_runs

FLOAT = Layout("float32", 2)


def rows(*stamps: int, bad: tuple[int, ...] = (), layout: Layout = FLOAT) -> Rows:
    out = np.zeros(len(stamps), layout.dtype)
    out["timestamp"] = stamps
    for index in bad:
        out["data"][index, 1] = np.nan
    return out


def stamps(runs: list[Rows]) -> list[list[int]]:
    return [run["timestamp"].tolist() for run in runs]


def test_good_rows_are_one_run() -> None:
    assert stamps(usable_runs(rows(1, 2, 3))) == [[1, 2, 3]]
    assert usable_runs(rows()) == []


def test_rows_with_nan_or_infinity_are_left_out() -> None:
    block = rows(1, 2, 3, 4, 5, bad=(1,))
    block["data"][4, 0] = np.inf
    assert stamps(usable_runs(block)) == [[1], [3, 4]]


def test_a_row_not_later_than_the_one_before_is_left_out() -> None:
    assert stamps(usable_runs(rows(1, 2, 3, 2, 3, 4, 4, 5))) == [[1, 2, 3], [3, 4], [5]]


def test_a_clock_that_jumped_ahead_for_one_row_costs_one_row() -> None:
    assert stamps(usable_runs(rows(1, 2, 99, 3, 4))) == [[1, 2, 99], [4]]


def test_the_first_row_is_compared_with_the_row_before_the_block() -> None:
    assert stamps(usable_runs(rows(5, 6), previous=5)) == [[6]]
    assert stamps(usable_runs(rows(5, 6), previous=4)) == [[5, 6]]


def test_an_unusable_row_does_not_make_later_rows_late() -> None:
    assert stamps(usable_runs(rows(1, 99, 2, 3, bad=(1,)))) == [[1], [2, 3]]


def test_integers_are_judged_by_time_alone() -> None:
    assert stamps(usable_runs(rows(3, 1, 4, layout=Layout("int16", 1)))) == [[3], [4]]


@given(
    st.lists(st.tuples(st.integers(-5, 20), st.booleans()), max_size=40),
    st.none() | st.integers(-5, 20),
)
def test_the_runs_are_what_a_row_by_row_look_gives(
    items: list[tuple[int, bool]], previous: int | None
) -> None:
    bad_rows = tuple(index for index, (_, bad) in enumerate(items) if bad)
    block = rows(*(stamp for stamp, _ in items), bad=bad_rows)
    expected: list[list[int]] = []
    before, joined = previous, False
    for stamp, bad in items:
        usable = not bad and (before is None or stamp > before)
        if usable and not joined:
            expected.append([])
        if usable:
            expected[-1].append(stamp)
        joined = usable
        before = before if bad else stamp
    assert stamps(usable_runs(block, previous)) == expected
