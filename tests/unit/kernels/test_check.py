"""Checking: the first row whose time does not rise and the first that is not finite."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joule.kernels import Findings
from joule.models.layout import Layout
from tests.unit.kernels.rows import SIZES, WIDTHS, moved, random_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from tests.unit.kernels.conftest import Kernels

FLOATS = ["float16", "float32", "float64"]


def expected(rows: Rows) -> Findings:
    """The same by looking at one row after the other."""
    times = rows["timestamp"].tolist()
    falling = (i for i in range(1, len(rows)) if times[i] <= times[i - 1])
    values = rows["data"].tolist()
    infinite = (i for i in range(len(rows)) if not all(map(math.isfinite, values[i])))
    return Findings(next(falling, None), next(infinite, None))


@pytest.mark.parametrize("width", WIDTHS)
def test_good_rows_have_no_fault(
    kernels: Kernels, datatype: str, width: int, random: np.random.Generator
) -> None:
    for count in SIZES:
        rows = random_rows(random, datatype, width, count, largest=np.inf)
        assert kernels.check(moved(rows, count % 16)) == Findings(None, None)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FLOATS)
def test_one_bad_value_is_found_wherever_it_is(
    kernels: Kernels, name: str, width: int, random: np.random.Generator
) -> None:
    rows = random_rows(random, name, width, 131)
    for row, bad in product((0, 1, 62, 63, 64, 128, 130), (np.inf, -np.inf, np.nan, -np.nan)):
        for column in range(width):
            faulty = rows.copy()
            faulty["data"][row, column] = bad
            assert kernels.check(faulty) == Findings(None, row)


def test_one_time_that_does_not_rise_is_found(
    kernels: Kernels, datatype: str, random: np.random.Generator
) -> None:
    rows = random_rows(random, datatype, 3, 131)
    for row, step in product((1, 2, 63, 64, 65, 128, 130), (0, -1, -(2**62))):
        faulty = rows.copy()
        times = faulty["timestamp"]
        times[row:] += times[row - 1] + step - times[row]
        assert kernels.check(faulty) == Findings(row, None)


def test_the_ends_of_time_rise(kernels: Kernels) -> None:
    rows = np.zeros(3, dtype=Layout("float32", 1).dtype)
    rows["timestamp"] = [-(2**63), 0, 2**63 - 1]
    assert kernels.check(rows) == Findings(None, None)
    rows["timestamp"] = [2**63 - 1, -(2**63), -(2**63)]
    assert kernels.check(rows) == Findings(1, None)


@settings(deadline=None)
@given(st.data())
def test_the_first_of_many_faults_is_named(
    kernels: Kernels, datatype: str, data: st.DataObject
) -> None:
    """Any bytes: most rows are at fault."""
    layout = Layout(datatype, data.draw(st.integers(1, 9)))
    given_bytes = data.draw(st.binary(max_size=600)) + bytes(layout.row_bytes)
    whole = len(given_bytes) // layout.row_bytes
    rows = np.frombuffer(given_bytes, dtype=layout.dtype, count=whole)
    assert kernels.check(rows) == expected(rows)


def test_rows_need_not_lie_together(kernels: Kernels, random: np.random.Generator) -> None:
    rows = random_rows(random, "float32", 2, 300)
    rows["data"][150] = np.nan
    assert kernels.check(rows[::3]) == Findings(None, 50)
    assert kernels.check(rows[::-1]) == Findings(1, 149)
    rows["data"][150] = 0
    assert kernels.check(rows[1::7]) == Findings(None, None)
