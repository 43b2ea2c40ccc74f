from __future__ import annotations

import pytest

from joule.models.layout import Layout
from joule.wire.rows import layout_and_level, row_headers


def test_layout_and_level_travel_as_documented() -> None:
    headers = row_headers(Layout("float32", 3), 16)
    assert headers == {
        "joule-layout": "float32_3",
        "joule-decimation": "16",
        "Content-Type": "application/octet-stream",
    }
    assert layout_and_level(headers) == (Layout("float32", 3), 16)


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, r"layout \[\], level \[\]"),
        ({"joule-layout": "x_1", "joule-decimation": "1"}, r"layout \[x_1\], level \[1\]"),
        ({"joule-layout": "int16_1", "joule-decimation": "raw"}, r"level \[raw\]"),
    ],
)
def test_an_answer_that_has_no_rows_is_recognised(headers: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        layout_and_level(headers)
