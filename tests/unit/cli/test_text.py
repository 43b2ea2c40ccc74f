"""Rows as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from joule.cli.data.text import format_rows


def slowly(timestamps: Any, values: Any) -> bytes:
    """The oracle: one value at a time."""
    lines = (
        " ".join([str(time), *("%.6f" % value for value in row)])  # noqa: UP031 - the oracle
        for time, row in zip(timestamps.tolist(), values.tolist(), strict=True)
    )
    return "".join(line + "\n" for line in lines).encode()


def blocks(dtype: str, elements: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    shapes = st.tuples(st.integers(1, 20), st.integers(1, 4))
    return shapes.flatmap(lambda shape: arrays.arrays(dtype, shape, elements=elements))


@given(
    st.one_of(
        blocks("<f4"),
        blocks("<f8"),
        blocks("<f8", elements=st.floats(-1e5, 1e5)),
        blocks("<i2"),
        blocks("<i4"),
        blocks("<i8"),
        blocks("<i8", elements=st.integers(-(10**12), 10**12)),
    ),
    st.data(),
)
def test_text_is_exactly_what_formatting_each_value_gives(
    values: Any,
    data: st.DataObject,
) -> None:
    times = arrays.arrays("<i8", len(values), elements=st.integers(-(2**63), 2**63 - 1))
    sensible = arrays.arrays("<i8", len(values), elements=st.integers(0, 2 * 10**15))
    timestamps = data.draw(st.one_of(times, sensible))
    assert format_rows(timestamps, values) == slowly(timestamps, values)


def test_halfway_values_are_rounded_as_text_is() -> None:
    # 0.0000005 lies just below the half in binary, 0.0000015 just above, 2.5e-6 is doubtful, too.
    values = np.array([[0.0000005, 0.0000015, 0.0000025, 1.0000005, 0.5**20]])
    assert format_rows(np.array([7]), values) == slowly(np.array([7]), values)


@pytest.mark.parametrize("value", [-0.0, -1e-9, 0.0, 9.9999999, 1e30, float("inf"), float("nan")])
def test_values_at_the_edges_keep_sign_and_size(value: float) -> None:
    values = np.array([[value]], dtype="<f4")
    assert format_rows(np.array([1]), values) == slowly(np.array([1]), values)


def test_no_rows_are_no_text() -> None:
    assert format_rows(np.empty(0, "<i8"), np.empty((0, 3), "<f4")) == b""
