"""Random data for property tests, as hypothesis strategies."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from joule.models.base import DATATYPES
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval
from joule.models.layout import Layout

if TYPE_CHECKING:
    from joule.models.layout import Rows

_NUMBERS = {
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "float32": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int16": st.integers(-(2**15), 2**15 - 1),
}


def timestamps(low: int = MIN_TIME, high: int = MAX_TIME - 1) -> st.SearchStrategy[int]:
    """Give UNIX microseconds, the extremes included; ``high`` is inclusive."""
    return st.integers(low, high)


_ALL_TIMES = timestamps()


@st.composite
def bounds(draw: st.DrawFn, low: int = MIN_TIME, high: int = MAX_TIME) -> Interval:
    """Give an interval of some length within ``[low, high]``."""
    start = draw(st.integers(low, high - 1))
    return Interval(start, draw(st.integers(start + 1, high)))


@st.composite
def interval_lists(
    draw: st.DrawFn, low: int = MIN_TIME, high: int = MAX_TIME, most: int = 10
) -> list[Interval]:
    """Give sorted intervals that do not overlap; neighbours may touch."""
    edges = sorted(draw(st.sets(st.integers(low, high), max_size=2 * most)))
    pieces = [Interval(start, end) for start, end in pairwise(edges)]
    return [piece for piece in pieces if draw(st.booleans())]


@st.composite
def layouts(draw: st.DrawFn, widest: int = 8) -> Layout:
    """Give layouts of all datatypes."""
    return Layout(draw(st.sampled_from(DATATYPES)), draw(st.integers(1, widest)))


@st.composite
def rows(
    draw: st.DrawFn,
    layout: Layout,
    most: int = 50,
    times: st.SearchStrategy[int] = _ALL_TIMES,
) -> Rows:
    """Give ``(n,)`` rows with strictly increasing timestamps and finite values."""
    stamps = sorted(draw(st.sets(times, max_size=most)))
    out: Any = np.zeros(len(stamps), dtype=layout.dtype)
    out["timestamp"] = stamps
    values = st.lists(_NUMBERS[layout.datatype], min_size=layout.width, max_size=layout.width)
    for i in range(len(stamps)):
        out["data"][i] = draw(values)
    return out  # type: ignore[no-any-return]
