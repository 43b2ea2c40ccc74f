"""Grouping: extremes are exact, sums of integers too, those of floats within the last bits."""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joule.kernels import plain
from joule.models.layout import Layout
from tests.unit.kernels.rows import SIZES, WIDTHS, moved, random_rows

if TYPE_CHECKING:
    from joule.kernels import Sums
    from joule.models.layout import Rows
    from tests.unit.kernels.conftest import Kernels

EPSILON = 2.0**-52


def check_sums(sums: Sums, rows: Rows, starts: list[int]) -> None:
    """Fail unless the sums are those of the rows, computed without rounding."""
    integers = rows["data"].dtype.kind != "f"
    assert sums.minimum.dtype == sums.maximum.dtype == rows["data"].dtype
    assert sums.total.dtype == (np.int64 if integers else np.float64)
    assert sums.time.dtype == np.int64
    zero = int(rows["timestamp"][0]) if len(rows) else 0
    for i, (start, end) in enumerate(pairwise([*starts, len(rows)])):
        part = rows[start:end]
        assert sums.time[i] == sum(time - zero for time in part["timestamp"].tolist())
        assert sums.minimum[i].tolist() == part["data"].min(axis=0).tolist()
        assert sums.maximum[i].tolist() == part["data"].max(axis=0).tolist()
        for column, total in enumerate(sums.total[i].tolist()):
            values = part["data"][:, column].tolist()
            if integers:
                assert (total - sum(values)) % 2**64 == 0
            else:
                depth = 11 + math.ceil(math.log2(max(len(values), 1)))
                slack = depth * EPSILON * math.fsum(map(abs, values))
                assert abs(total - math.fsum(values)) <= slack


@pytest.mark.parametrize("width", WIDTHS)
def test_groups_of_any_length_are_summed(
    kernels: Kernels, datatype: str, width: int, random: np.random.Generator
) -> None:
    for count, factor in product(SIZES, (5, 64, 1024)):
        rows = random_rows(random, datatype, width, count)
        starts = np.arange(0, count, factor)
        check_sums(kernels.group(moved(rows, count % 16), starts), rows, starts.tolist())


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_groups_may_start_anywhere(kernels: Kernels, datatype: str, data: st.DataObject) -> None:
    count, width = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 9))
    starts = sorted({0, *data.draw(st.sets(st.integers(0, count - 1), max_size=20))})
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rows = random_rows(random, datatype, width, count)
    check_sums(kernels.group(rows, np.array(starts)), rows, starts)


def test_a_group_of_a_million_floats_is_summed_pairwise(kernels: Kernels) -> None:
    """One after the other, the rounding of a tenth adds up to thousands of times the bound."""
    rows = np.zeros(1_000_000, dtype=Layout("float64", 1).dtype)
    rows["data"] = 0.1
    check_sums(kernels.group(rows, np.array([0])), rows, [0])


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_infinity_and_nan_are_treated_as_numpy_does(
    kernels: Kernels, name: str, bad: float, random: np.random.Generator
) -> None:
    rows = random_rows(random, name, 3, 100)
    rows["data"][70, 1] = bad
    starts = np.array([0, 50, 90])
    for found, expected in zip(kernels.group(rows, starts), plain.group(rows, starts), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not np.isfinite(kernels.group(rows, starts).total[1, 1])


def test_sums_beyond_float64_are_infinite(kernels: Kernels) -> None:
    rows = np.zeros(100, dtype=Layout("float64", 1).dtype)
    rows["data"] = 1.7e308
    assert kernels.group(rows, np.array([0, 99])).total.tolist() == [[np.inf], [1.7e308]]


def test_rows_need_not_lie_together(
    kernels: Kernels, datatype: str, random: np.random.Generator
) -> None:
    rows = random_rows(random, datatype, 2, 300)[::3]
    check_sums(kernels.group(rows, np.array([0, 30])), rows, [0, 30])


@pytest.mark.parametrize("starts", [[1], [0, 0], [0, 5, 3], [0, 10], [0, -1], [-1], [0, 2**62]])
def test_starts_that_do_not_rise_inside_the_rows_are_refused(starts: list[int]) -> None:
    compiled = pytest.importorskip("joule.kernels.compiled", exc_type=ImportError)
    rows = np.zeros(10, dtype=Layout("int16", 2).dtype)
    with pytest.raises(ValueError, match="starts"):
        compiled.group(rows, np.array(starts))
