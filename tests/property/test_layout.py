from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from joule.models.layout import Layout, find_interval_token, find_tokens, interval_token
from joule.testing.strategies import layouts, rows

if TYPE_CHECKING:
    from joule.models.layout import Rows


@given(layouts())
def test_a_layout_survives_its_text(layout: Layout) -> None:
    assert Layout.parse(str(layout)) == layout
    assert layout.row_bytes == layout.dtype.itemsize == interval_token(str(layout)).nbytes


@given(st.data())
def test_tokens_are_found_among_random_rows(data: st.DataObject) -> None:
    layout = data.draw(layouts(3))
    found, expected = with_tokens(data, layout)
    assert find_tokens(found).tolist() == expected


@given(st.data())
def test_the_first_token_in_bytes_is_the_first_among_rows(data: st.DataObject) -> None:
    layout = data.draw(layouts(3))
    found, expected = with_tokens(data, layout)
    partial = data.draw(st.integers(0, layout.row_bytes - 1))
    bounds = find_interval_token(found.tobytes() + b"\0" * partial, str(layout))
    if expected:
        assert bounds == (expected[0] * layout.row_bytes, (expected[0] + 1) * layout.row_bytes)
    else:
        assert bounds is None


def with_tokens(data: st.DataObject, layout: Layout) -> tuple[Rows, list[int]]:
    """Rows with tokens at random places, and these places, found value by value."""
    plain = data.draw(rows(layout, most=10, times=st.integers(-3, 3)))
    places = data.draw(st.lists(st.integers(0, len(plain)), max_size=4))
    mixed = np.insert(plain, sorted(places), interval_token(str(layout))[0])
    expected = [
        i
        for i, row in enumerate(mixed)
        if row["timestamp"] == 0 and all(value == 0 for value in row["data"])
    ]
    return mixed, expected
