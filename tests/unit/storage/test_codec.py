"""Rows as bytes, whichever engine stores them; how thoroughly depends on how often they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import StorageDamagedError, StorageFormatError
from joule.models.layout import Layout
from joule.storage import codec
from joule.storage.codec import SLOW_STEP_US, decode, encode
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows

LAYOUT = Layout("float32", 4)
COLUMN = Layout("float64", 1)
COUNT = 32768  # a full chunk


@pytest.mark.parametrize("count", [1, 5, 11, 100, 5000])
@pytest.mark.parametrize("width", [1, 4, 300])
def test_rows_come_back_bit_for_bit(count: int, width: int) -> None:
    layout = Layout("float64", width)
    rows = make_rows(layout, np.arange(count))
    rows["data"] = np.random.default_rng(0).normal(size=(count, width))
    found = decode(encode(rows), layout.dtype)
    assert found.tobytes() == rows.tobytes()
    assert not found.flags.writeable


def test_rows_need_not_lie_together() -> None:
    rows = make_rows(LAYOUT, np.arange(3000))
    assert decode(encode(rows[::3]), LAYOUT.dtype).tobytes() == rows[::3].tobytes()


def test_regular_rows_take_a_fraction_of_their_size() -> None:
    rows = make_rows(Layout("int16", 6), np.arange(10_000) * 125)
    assert len(encode(rows)) < rows.nbytes / 4


@pytest.mark.parametrize("count", [3, 3000])
def test_any_flipped_bit_is_noticed(count: int) -> None:
    data = bytearray(encode(make_rows(LAYOUT, np.arange(count))))
    for position in {0, 1, 4, 8, 12, 15, 16, len(data) // 2, len(data) - 1}:
        damaged = data.copy()
        damaged[position] ^= 4
        with pytest.raises(StorageDamagedError):
            decode(bytes(damaged), LAYOUT.dtype)


@pytest.mark.parametrize("length", [0, 3, 16, 40])
def test_missing_bytes_are_noticed(length: int) -> None:
    data = encode(make_rows(LAYOUT, np.arange(3000)))
    with pytest.raises(StorageDamagedError):
        decode(data[:length], LAYOUT.dtype)


def test_rows_of_another_layout_are_refused() -> None:
    data = encode(make_rows(LAYOUT, np.arange(10)))
    with pytest.raises(StorageDamagedError, match="24 bytes, the layout has 16"):
        decode(data, Layout("float32", 2).dtype)


def test_an_encoding_of_the_future_is_named() -> None:
    data = codec._framed(9, LAYOUT.row_bytes, 1, b"x")
    with pytest.raises(StorageFormatError, match="encoding 9"):
        decode(data, LAYOUT.dtype)


def thermometer(step_us: int) -> Rows:
    """A temperature in hundredths of a degree."""
    rows = np.zeros(COUNT, dtype=COLUMN.dtype)
    rows["timestamp"] = np.arange(COUNT) * step_us
    walk = np.cumsum(np.random.default_rng(1).normal(0, 0.01, COUNT))
    rows["data"][:, 0] = np.round(20 + walk, 2)
    return rows


def test_what_comes_slowly_takes_less_room() -> None:
    slow, fast = encode(thermometer(SLOW_STEP_US + 20)), encode(thermometer(SLOW_STEP_US - 20))
    assert len(slow) < 0.9 * len(fast)


@pytest.mark.parametrize("step_us", [1, 10**6, 2**47])
def test_both_come_back(step_us: int) -> None:
    rows = thermometer(step_us)
    assert decode(encode(rows), COLUMN.dtype).tobytes() == rows.tobytes()


def test_the_whole_range_of_time_is_slow() -> None:
    rows = thermometer(1)
    rows["timestamp"][[0, -1]] = [-(2**63), 2**63 - 1]
    assert decode(encode(rows), COLUMN.dtype).tobytes() == rows.tobytes()
