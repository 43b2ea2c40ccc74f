from __future__ import annotations

import numpy as np
import pytest

from joule.models.base import DATATYPES
from joule.models.layout import (
    Layout,
    compute_dtype,
    find_interval_token,
    find_tokens,
    interval_token,
)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_a_layout_is_read_and_printed_alike(datatype: str) -> None:
    layout = Layout.parse(f"{datatype}_3")
    assert layout == Layout(datatype, 3)
    assert str(layout) == f"{datatype}_3"


@pytest.mark.parametrize(
    ("text", "size"),
    [("float64_2", 24), ("float32_3", 20), ("int64_1", 16), ("int16_6", 20), ("uint8_5", 13)],
)
def test_rows_are_packed_little_endian_records(text: str, size: int) -> None:
    layout = Layout.parse(text)
    assert layout.row_bytes == size
    assert compute_dtype(text) == layout.dtype
    assert layout.dtype["timestamp"] == np.dtype("<i8")
    assert layout.dtype["data"].base.byteorder in "<=|"
    rows = np.zeros(1, dtype=layout.dtype)
    rows["timestamp"] = 0x0102
    assert rows.tobytes()[:8] == b"\x02\x01\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "text", ["", "float32", "float32_0", "float32_-1", "float16x_2", "int7_1", "float8_1", "x_1"]
)
def test_what_is_no_layout_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="bad layout"):
        Layout.parse(text)


def test_decimated_rows_hold_means_minima_and_maxima_as_float32() -> None:
    assert Layout("int16", 4).decimated == Layout("float32", 12)


def test_a_view_shares_memory_and_cannot_be_written() -> None:
    layout = Layout("int16", 2)
    data = bytes(range(24))
    rows = layout.view(data)
    assert len(rows) == 2
    assert not rows.flags.writeable
    assert rows.tobytes() == data


def test_the_empty_array_has_the_dtype_of_the_layout() -> None:
    layout = Layout("float32", 2)
    assert layout.empty().dtype == layout.dtype
    assert len(layout.empty()) == 0


def test_tokens_are_rows_of_zeros_only() -> None:
    rows = np.zeros(6, dtype=compute_dtype("float32_2"))
    rows["timestamp"] = [0, 0, 5, 0, 7, 0]
    rows["data"][1] = [0, 1e-30]
    rows["data"][5] = [-0.0, 0]
    assert find_tokens(rows).tolist() == [0, 3, 5]


def test_no_rows_hold_no_tokens() -> None:
    assert find_tokens(Layout("int16", 1).empty()).tolist() == []


def test_the_token_is_found_at_row_bounds_only() -> None:
    layout = "int16_1"
    row = np.ones(1, dtype=compute_dtype(layout)).tobytes()
    token = interval_token(layout).tobytes()
    assert find_interval_token(row + token + token + row, layout) == (10, 20)
    assert find_interval_token(row + row, layout) is None
    assert find_interval_token(row + token[:-1], layout) is None
    assert find_interval_token(b"\1" + token + b"\1" * 9, layout) is None
    assert find_interval_token(b"", layout) is None
