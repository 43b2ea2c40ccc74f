"""FIR filters, of which the moving average is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joule.client import FIRFilterModule
from joule.client.builtins.mean_filter import MeanFilter
from joule.client.fir_filter_module import convolve
from joule.errors import ConfigurationError
from joule.models.pipes import LocalPipe
from tests.unit.client.support import args, filled, intervals_in, rows

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray


class Weighted(FIRFilterModule):
    def __init__(self, *taps: float) -> None:
        super().__init__()
        self.taps = taps

    def make_filter(self, parsed_args: argparse.Namespace) -> Any:
        return self.taps


def brute_force(data: NDArray[Any], taps: Any) -> NDArray[np.float64]:
    weights = np.asarray(taps)[::-1, np.newaxis]
    count = len(data) - len(taps) + 1
    return np.array([(data[i : i + len(taps)] * weights).sum(axis=0) for i in range(count)])


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    block=st.integers(1, 50),
    taps=st.lists(st.integers(-5, 5), min_size=1, max_size=9).filter(lambda t: len(t) % 2 == 1),
)
@settings(max_examples=60, deadline=None)
async def test_however_rows_arrive_each_interval_is_filtered_as_a_whole(
    lengths: list[int], block: int, taps: list[int]
) -> None:
    random = np.random.default_rng(1)
    start, intervals = 100, []
    for length in lengths:
        times = list(range(start, start + length))
        intervals.append(rows("float64_2", times, random.integers(-9, 9, (length, 2))))
        start += length + 10
    source, target = await filled("float64_2", *intervals, block=block), LocalPipe("float64_2")
    await Weighted(*taps).run(args(), {"input": source}, {"output": target})
    edge = len(taps) // 2
    complete = [interval for interval in intervals if len(interval) >= len(taps)]
    results = await intervals_in(target)
    assert len(results) == len(complete)
    for interval, result in zip(complete, results, strict=True):
        expected_times = interval["timestamp"][edge : len(interval) - edge]
        np.testing.assert_array_equal(result["timestamp"], expected_times)
        np.testing.assert_allclose(result["data"], brute_force(interval["data"], taps), atol=1e-9)


@pytest.mark.parametrize("size", [129, 1001])
def test_long_filters_give_the_same_as_the_sum(size: int) -> None:
    random = np.random.default_rng(2)
    taps, data = random.random(size), random.random((3000, 2)) + 1e6
    np.testing.assert_allclose(convolve(taps, data), brute_force(data, taps), rtol=1e-12)


async def test_integer_outputs_are_rounded() -> None:
    source = await filled("int16_1", rows("int16_1", [1, 2, 3, 4], [[0], [1], [1], [0]]))
    target = LocalPipe("int16_1")
    await MeanFilter().run(args(window=3), {"input": source}, {"output": target})
    (result,) = await intervals_in(target)
    assert result["data"].tolist() == [[1], [1]]


@pytest.mark.parametrize("layout", ["float32_1", "int64_1"])
async def test_a_window_of_1_passes_everything_through_exactly(layout: str) -> None:
    large = 2**53 + 1 if layout == "int64_1" else 2**20
    data = rows(layout, [1, 2, 3], [[5], [large], [-large]])
    source, target = await filled(layout, data), LocalPipe(layout)
    await MeanFilter().run(args(window=1), {"input": source}, {"output": target})
    (result,) = await intervals_in(target)
    np.testing.assert_array_equal(result, data)


@pytest.mark.parametrize("window", [0, -3, 2, 10])
async def test_a_window_that_is_not_odd_is_refused_clearly(window: int) -> None:
    source, target = LocalPipe("float32_1"), LocalPipe("float32_1")
    with pytest.raises(ConfigurationError, match=rf"window must be an odd number.*{window}"):
        await MeanFilter().run(args(window=window), {"input": source}, {"output": target})


async def test_an_even_number_of_taps_is_refused() -> None:
    pipes = {"input": LocalPipe("float32_1")}, {"output": LocalPipe("float32_1")}
    with pytest.raises(ConfigurationError, match="odd number of taps"):
        await Weighted(1, 2).run(args(), *pipes)


async def test_the_pipes_must_have_their_names_and_the_same_width() -> None:
    narrow, wide = LocalPipe("float32_1"), LocalPipe("float32_2")
    with pytest.raises(ConfigurationError, match=r"\[input\]"):
        await Weighted(1).run(args(), {"in": narrow}, {"output": narrow})
    with pytest.raises(ConfigurationError, match="as many elements as input: 1, not 2"):
        await Weighted(1).run(args(), {"input": narrow}, {"output": wide})
