"""Merging streams of different timing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joule.client.builtins.merge_filter import MergeFilter
from joule.errors import ConfigurationError
from joule.models.pipes import LocalPipe
from tests.unit.client.support import args, filled, intervals_in, rows

LAYOUT = "float64_1"


def line(times: list[int], slope: float = 1.0) -> Any:
    """Rows whose value is proportional to the time."""
    return rows(LAYOUT, times, np.array(times)[:, np.newaxis] * slope)


async def merged(
    *inputs: tuple[list[int], ...], block: int = 1_000_000
) -> list[list[tuple[int, ...]]]:
    """Merge inputs given as intervals of times, values being time * (number of the input + 1)."""
    pipes = {
        f"in{number}": await filled(
            LAYOUT, *(line(times, number + 1) for times in intervals), block=block
        )
        for number, intervals in enumerate(inputs)
    }
    output = LocalPipe(f"float64_{len(inputs)}")
    await MergeFilter().run(args(primary="in0"), pipes, {"output": output})
    assert output.closed
    return [
        [(int(row["timestamp"]), *row["data"].tolist()) for row in interval]
        for interval in await intervals_in(output)
    ]


def expected(times: list[int], inputs: int) -> list[tuple[int, ...]]:
    return [(time, *(time * (number + 1) for number in range(inputs))) for time in times]


@pytest.mark.parametrize("block", [1, 2, 100])
async def test_others_are_interpolated_at_the_times_of_the_primary(block: int) -> None:
    result = await merged(
        (list(range(0, 100, 10)),), (list(range(-3, 200, 7)),), ([15, 88, 90, 300],), block=block
    )
    assert result == [expected([20, 30, 40, 50, 60, 70, 80, 90], 3)]


async def test_a_single_input_passes_through() -> None:
    assert await merged(([1, 2], [5, 6])) == [expected([1, 2], 1), expected([5, 6], 1)]


async def test_rows_at_the_very_edges_of_the_others_are_used() -> None:
    assert await merged(([1, 2, 3, 4],), ([2, 3],)) == [expected([2, 3], 2)]


async def test_without_overlap_there_is_no_output() -> None:
    assert await merged(([1, 2, 3],), ([10, 20],)) == []
    assert await merged(([10, 20],), ([1, 2, 3],)) == []
    assert await merged(([],), ([1, 2],)) == []


@pytest.mark.parametrize("block", [1, 3, 100])
async def test_a_break_of_the_primary_is_a_break_of_the_output(block: int) -> None:
    result = await merged(([10, 20], [30, 40]), (list(range(0, 100, 3)),), block=block)
    assert result == [expected([10, 20], 2), expected([30, 40], 2)]


@pytest.mark.parametrize("block", [1, 3, 100])
async def test_nothing_is_interpolated_across_a_break_of_another_input(block: int) -> None:
    result = await merged((list(range(0, 100, 5)),), ([0, 22], [41, 70]), block=block)
    assert result == [
        expected([0, 5, 10, 15, 20], 2),
        expected([45, 50, 55, 60, 65, 70], 2),
    ]


async def test_a_break_of_another_input_between_two_rows_is_kept() -> None:
    result = await merged(([10, 20, 30],), ([0, 12], [13, 40]))
    assert result == [expected([10], 2), expected([20, 30], 2)]


INTERVALS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=6), min_size=1, max_size=3)


def spread(steps: list[list[int]]) -> tuple[list[int], ...]:
    """Make intervals of rising times out of steps between them."""
    now, out = 0, []
    for interval in steps:
        times = []
        for step in interval:
            now += step
            times.append(now)
        out.append(times)
        now += 3
    return tuple(out)


@given(INTERVALS, INTERVALS, INTERVALS, st.integers(1, 4))
@settings(max_examples=80, deadline=None)
async def test_it_gives_what_looking_at_everything_at_once_gives(
    first: list[list[int]], second: list[list[int]], third: list[list[int]], block: int
) -> None:
    inputs = [spread(first), spread(second), spread(third)]
    assert await merged(*inputs, block=block) == brute_force(inputs)


def brute_force(inputs: list[tuple[list[int], ...]]) -> list[list[tuple[int, ...]]]:
    """Group the primary rows that lie within an interval of every other input by those intervals.

    A primary row that lies in none of them is a break too.
    """
    groups: list[tuple[Any, list[int]]] = []
    for number, interval in enumerate(inputs[0]):
        for time in interval:
            within = [
                next((i for i, times in enumerate(other) if times[0] <= time <= times[-1]), None)
                for other in inputs[1:]
            ]
            key = (number, *within) if None not in within else None
            if groups and groups[-1][0] == key:
                groups[-1][1].append(time)
            else:
                groups.append((key, [time]))
    return [expected(times, len(inputs)) for key, times in groups if key is not None]


async def test_the_primary_comes_first_and_the_others_in_their_order() -> None:
    pipes = {
        "a": await filled(LAYOUT, line([1, 2], 10)),
        "b": await filled("float64_2", rows("float64_2", [1, 2], [[7, 8], [7, 8]])),
    }
    output = LocalPipe("float32_3")
    await MergeFilter().run(args(primary="B"), pipes, {"output": output})
    (result,) = await intervals_in(output)
    assert result["data"].tolist() == [[7, 8, 10], [7, 8, 20]]


async def test_large_integers_of_the_primary_stay_exact() -> None:
    pipes = {
        "a": await filled("int64_1", rows("int64_1", [1, 2], [[2**60 + 1], [-(2**60) - 1]])),
        "b": await filled("float64_1", rows("float64_1", [0, 4], [[0], [3]])),
    }
    output = LocalPipe("int64_2")
    await MergeFilter().run(args(primary="a"), pipes, {"output": output})
    (result,) = await intervals_in(output)
    assert result["data"].tolist() == [[2**60 + 1, 1], [-(2**60) - 1, 2]]


async def test_wrong_pipes_are_refused_clearly() -> None:
    inputs = {"a": LocalPipe(LAYOUT), "b": LocalPipe("float64_3")}
    output = {"output": LocalPipe("float64_3")}
    with pytest.raises(ConfigurationError, match="output must have 4 elements"):
        await MergeFilter().run(args(primary="a"), inputs, output)
    with pytest.raises(
        ConfigurationError, match=r"the specified primary \[c\] is not in the inputs"
    ):
        await MergeFilter().run(args(primary="c"), inputs, output)
    with pytest.raises(ConfigurationError, match="single output"):
        await MergeFilter().run(args(primary="a"), inputs, {})
