"""How thoroughly rows are compressed depends on how often they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.layout import Layout
from joule.storage.embedded.codec import SLOW_STEP_US, decode, encode

if TYPE_CHECKING:
    from joule.models.layout import Rows

LAYOUT = Layout("float64", 1)
COUNT = 32768  # a full chunk


def thermometer(step_us: int) -> Rows:
    """A temperature in hundredths of a degree."""
    rows = np.zeros(COUNT, dtype=LAYOUT.dtype)
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
    assert decode(encode(rows), LAYOUT.dtype).tobytes() == rows.tobytes()


def test_the_whole_range_of_time_is_slow() -> None:
    rows = thermometer(1)
    rows["timestamp"][[0, -1]] = [-(2**63), 2**63 - 1]
    assert decode(encode(rows), LAYOUT.dtype).tobytes() == rows.tobytes()
