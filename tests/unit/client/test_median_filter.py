"""The moving median."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from joule.client.builtins.median_filter import MedianFilter
from joule.client.builtins.median_filter import median_filter as module
from joule.errors import ConfigurationError
from joule.models.pipes import LocalPipe
from tests.unit.client.support import args, filled, intervals_in, rows

LAYOUT = "int32_2"


def interval(start: int, length: int) -> Any:
    random = np.random.default_rng(start)
    times = range(start, start + length)
    return rows(LAYOUT, list(times), random.integers(-1000, 1000, (length, 2)))


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("window", [1, 3, 11])
async def test_each_row_is_the_median_of_its_window(
    block: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SORTED_VALUES", 100)
    intervals = [interval(1, 50), interval(100, 5), interval(200, 30)]
    source, target = await filled(LAYOUT, *intervals, block=block), LocalPipe(LAYOUT)
    await MedianFilter().run(args(window=window), {"input": source}, {"output": target})
    complete = [data for data in intervals if len(data) >= window]
    for data, result in zip(complete, await intervals_in(target), strict=True):
        edge = window // 2
        for place in range(edge, len(data) - edge):
            expected = np.median(data["data"][place - edge : place + edge + 1], axis=0)
            assert result[place - edge]["timestamp"] == data[place]["timestamp"]
            np.testing.assert_array_equal(result[place - edge]["data"], expected)


async def test_large_integers_stay_exact() -> None:
    values = [[2**60 + 1], [2**60 + 3], [2**60 + 2]]
    source = await filled("int64_1", rows("int64_1", [1, 2, 3], values))
    target = LocalPipe("int64_1")
    await MedianFilter().run(args(window=3), {"input": source}, {"output": target})
    (result,) = await intervals_in(target)
    assert result["data"].tolist() == [[2**60 + 2]]


async def test_an_even_window_is_refused_clearly() -> None:
    pipes = {"input": LocalPipe(LAYOUT)}, {"output": LocalPipe(LAYOUT)}
    with pytest.raises(ConfigurationError, match="window must be an odd number of rows, not 4"):
        await MedianFilter().run(args(window=4), *pipes)
