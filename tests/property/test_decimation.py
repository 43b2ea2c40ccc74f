"""The decimation kernels against brute force in plain Python."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joule.models.base import DATATYPES
from joule.models.decimation import (
    Groups,
    concat,
    level_for,
    reduce,
    reduce_at,
    regroup,
    regroup_at,
)
from joule.models.layout import Layout

if TYPE_CHECKING:
    from joule.models.layout import Rows

TIMES = st.integers(-(2**62), 2**62)


@st.composite
def rows_of(draw: st.DrawFn, min_size: int = 0) -> Rows:
    """Rows of any layout: extreme timestamps, extreme values, no NaN."""
    layout = Layout(draw(st.sampled_from(DATATYPES)), draw(st.integers(1, 3)))
    times = sorted(draw(st.sets(TIMES, min_size=min_size, max_size=60)))
    kind = np.dtype(layout.datatype)
    if kind.kind == "f":
        bound = float(2**100)
        value = st.floats(-bound, bound, width=32)
    else:
        limits = np.iinfo(kind)
        value = st.integers(int(limits.min), int(limits.max))
    size = len(times) * layout.width
    values = draw(st.lists(value, min_size=size, max_size=size))
    rows = np.zeros(len(times), dtype=layout.dtype)
    rows["timestamp"] = times
    rows["data"] = np.array(values, dtype=kind).reshape(len(times), layout.width)
    return rows


def check(groups: Groups, rows: Rows, starts: list[int], *, time_slack: int = 0) -> None:
    """Fail unless the groups are those of the rows from each start to the next."""
    assert len(groups) == len(starts)
    assert groups.minimum.dtype == groups.maximum.dtype == rows["data"].dtype
    assert groups.mean.dtype == np.float64
    for i, (start, end) in enumerate(pairwise([*starts, len(rows)])):
        part = rows[start:end]
        assert groups.count[i] == end - start
        exact = sum(part["timestamp"].tolist()) // (end - start)
        assert exact - time_slack <= groups.timestamp[i] <= exact
        for column in range(part["data"].shape[1]):
            values: list[float] = part["data"][:, column].tolist()
            assert groups.minimum[i, column] == min(values)
            assert groups.maximum[i, column] == max(values)
            mean = sum(map(Fraction, values), Fraction(0)) / len(values)
            scale = max(abs(value) for value in values)
            assert abs(Fraction(float(groups.mean[i, column])) - mean) <= Fraction(scale) / 10**12


@given(rows_of(), st.integers(1, 70))
def test_groups_summarise_every_factor_rows(rows: Rows, factor: int) -> None:
    check(reduce(rows, factor), rows, list(range(0, len(rows), factor)))


@given(rows_of(min_size=1), st.data())
def test_groups_may_start_anywhere(rows: Rows, data: st.DataObject) -> None:
    inner = data.draw(st.sets(st.integers(1, max(len(rows) - 1, 1))))
    starts = sorted({0, *(i for i in inner if i < len(rows))})
    check(reduce_at(rows, np.array(starts)), rows, starts)


@given(rows_of(), st.sampled_from([1, 2, 4, 16]), st.sampled_from([2, 3, 4]))
def test_regrouping_gives_what_one_step_would_have_given(
    rows: Rows, factor: int, again: int
) -> None:
    groups = regroup(reduce(rows, factor), again)
    check(groups, rows, list(range(0, len(rows), factor * again)), time_slack=1)


@given(rows_of(min_size=1), st.data())
def test_groups_of_different_sizes_are_weighted_by_their_rows(
    rows: Rows, data: st.DataObject
) -> None:
    inner = data.draw(st.sets(st.integers(1, max(len(rows) - 1, 1))))
    starts = sorted({0, *(i for i in inner if i < len(rows))})
    groups = regroup_at(reduce_at(rows, np.array(starts)), np.array([0]))
    check(groups, rows, [0], time_slack=1)


@given(rows_of(), st.integers(1, 20), st.integers(1, 60))
def test_concatenated_parts_are_the_groups_of_the_whole(rows: Rows, factor: int, cut: int) -> None:
    cut = min(cut // factor * factor, len(rows))
    parts = [reduce(rows[:cut], factor), reduce(rows[cut:], factor)]
    check(concat(parts), rows, list(range(0, len(rows), factor)))


@given(rows_of(), st.integers(1, 20))
@settings(max_examples=30)
def test_decimated_rows_hold_all_means_then_all_minima_then_all_maxima(
    rows: Rows, factor: int
) -> None:
    groups = reduce(rows, factor)
    width = rows["data"].shape[1]
    decimated = groups.to_rows()
    assert decimated.dtype == Layout("float32", 3 * width).dtype
    np.testing.assert_array_equal(decimated["timestamp"], groups.timestamp)
    for i, part in enumerate((groups.mean, groups.minimum, groups.maximum)):
        found = decimated["data"][:, i * width : (i + 1) * width]
        np.testing.assert_array_equal(found, part.astype(np.float32))


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_the_level_is_the_smallest_power_of_four_that_fits(rows: int, max_rows: int) -> None:
    level = level_for(rows, max_rows)
    assert level.bit_count() == 1
    assert level.bit_length() % 2 == 1
    assert -(-rows // level) <= max_rows
    assert level == 1 or -(-rows // (level // 4)) > max_rows


def test_a_level_needs_room_for_at_least_one_row() -> None:
    with pytest.raises(ValueError, match="max_rows"):
        level_for(10, 0)


def test_sums_beyond_the_range_of_the_datatype_do_not_wrap_around() -> None:
    layout = Layout("int64", 1)
    rows = np.zeros(8, dtype=layout.dtype)
    rows["timestamp"] = np.arange(8)
    rows["data"] = np.iinfo(np.int64).max
    groups = reduce(rows, 8)
    assert groups.mean[0, 0] == pytest.approx(2.0**63)
    assert regroup(reduce(rows, 2), 4).mean[0, 0] == pytest.approx(2.0**63)


def test_extremes_beyond_float32_become_infinite_in_decimated_rows() -> None:
    rows = np.zeros(2, dtype=Layout("float64", 1).dtype)
    rows["timestamp"] = [1, 2]
    rows["data"][:, 0] = [-1e300, 1e300]
    assert reduce(rows, 2).to_rows()["data"].tolist() == [[0, -np.inf, np.inf]]


def test_small_integers_have_exact_means() -> None:
    rows = np.zeros(4, dtype=Layout("int16", 1).dtype)
    rows["timestamp"] = range(4)
    rows["data"][:, 0] = [32767, 32767, 32767, 32766]
    assert reduce(rows, 4).mean[0, 0] == 32766.75
