from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, MAX_TIME, Interval
from joule.models.layout import Layout
from joule.storage.postgres.rows.ahead import PAGES_AHEAD, Pace, Page, stretches
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_MAX = 8
WHOLE = Pace(2**64, ROWS_MAX)


class Source:
    """Rows at some times, breaks at others; what is from the time ``held`` on does not come."""

    def __init__(
        self, times: Sequence[int], breaks: Sequence[int] = (), held: int = MAX_TIME
    ) -> None:
        self.rows = make_rows(Layout("int16", 1), times)
        self.breaks = np.array(breaks, dtype=np.int64)
        self.asked: list[Interval] = []
        self.running = self.running_max = self.seen = 0
        self._held = held

    async def fetch(self, interval: Interval) -> Page:
        self.asked.append(interval)
        self.running += 1
        self.running_max = max(self.running, self.running_max)
        try:
            await asyncio.sleep(0 if interval.start < self._held else 60)
        finally:
            self.running -= 1
        times = self.rows["timestamp"]
        start, end = np.searchsorted(times, interval)
        rows = self.rows[start : min(end, start + ROWS_MAX)]
        position = int(rows["timestamp"][-1]) + 1 if len(rows) == ROWS_MAX else None
        stop = interval.end if position is None else position
        cuts = self.breaks[(self.breaks >= interval.start) & (self.breaks < stop)]
        return Page(rows, np.unique(np.searchsorted(rows["timestamp"], cuts)), position)


async def read_all(source: Source) -> None:
    async with aclosing(stretches(source.fetch, ALL_TIME, WHOLE)) as reading:
        async for stretch in reading:
            source.seen += len(stretch)


def steady(count: int) -> list[int]:
    return list(range(0, 10 * count, 10))


UNSTEADY = [
    [],
    [5],
    steady(8),
    steady(9),
    steady(1000),
    [*steady(20), *range(10**15, 10**15 + 500)],
    [*range(100), *range(10**6, 10**9, 10**7), *range(10**12, 10**12 + 300)],
    [k**4 for k in range(200)],
    [10**9 - k**4 for k in range(150, 0, -1)],
]


@pytest.mark.parametrize("times", UNSTEADY)
@pytest.mark.parametrize("apart", [1, 3, 7, 8, 9])
@pytest.mark.parametrize("length", [2**50, 2**58, 2**64])
async def test_all_rows_come_in_order_with_their_breaks(
    times: list[int], apart: int, length: int
) -> None:
    breaks = [time + 1 for time in times[apart - 1 :: apart]]
    source = Source(times, breaks)
    runs: list[list[int]] = [[]]
    async for stretch in stretches(source.fetch, ALL_TIME, Pace(length, ROWS_MAX)):
        for run in stretch.runs():
            if run.starts_interval and runs[-1]:
                runs.append([])
            runs[-1] += run.rows["timestamp"].tolist()
    assert runs == [times[at : at + apart] for at in range(0, max(len(times), 1), apart)]


@pytest.mark.parametrize("times", UNSTEADY)
async def test_there_are_not_many_more_pages_than_rows_fill(times: list[int]) -> None:
    source = Source(times)
    async for _ in stretches(source.fetch, ALL_TIME, WHOLE):
        pass
    assert len(source.asked) <= 2 * len(times) // ROWS_MAX + 80  # some in vain for each gap
    assert source.running_max <= PAGES_AHEAD


async def test_pages_are_fetched_side_by_side() -> None:
    source = Source(steady(100))
    async for _ in stretches(source.fetch, Interval(0, 1000), WHOLE):
        pass
    assert source.running_max == PAGES_AHEAD


async def test_a_slow_caller_has_few_pages_fetched_for_it() -> None:
    source = Source(steady(1000))
    async with aclosing(stretches(source.fetch, ALL_TIME, WHOLE)) as reading:
        for _ in range(3):
            await anext(reading)
        await asyncio.sleep(0.01)
        assert len(source.asked) <= 3 + PAGES_AHEAD


async def test_a_caller_that_stops_leaves_nothing_behind() -> None:
    source = Source(steady(1000), held=200)
    async with aclosing(stretches(source.fetch, ALL_TIME, WHOLE)) as reading:
        await anext(reading)
        await anext(reading)
    assert source.running == 0
    assert len(asyncio.all_tasks()) == 1


async def test_a_caller_that_is_cancelled_leaves_nothing_behind() -> None:
    source = Source(steady(1000), held=100)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read_all(source), 0.05)
    assert source.running == 0
    assert len(asyncio.all_tasks()) == 1


async def test_an_error_comes_out_at_its_page() -> None:
    source = Source(steady(100))

    fetch_page = source.fetch

    async def fetch(interval: Interval) -> Page:
        if interval.start > 300:
            raise OSError("no more")
        return await fetch_page(interval)

    source.fetch = fetch  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no more"):
        await read_all(source)
    assert 20 < source.seen <= 40
    assert len(asyncio.all_tasks()) == 1


async def test_a_guess_of_the_length_has_the_first_pages_fetched_side_by_side() -> None:
    source = Source(steady(20))
    async for _ in stretches(source.fetch, Interval(0, 200), Pace(70, ROWS_MAX)):
        pass
    assert source.asked == [(0, 70), (70, 140), (140, 200)]
    assert source.running_max == 3


@pytest.mark.parametrize("length", [50, 1000])
async def test_a_gap_at_the_end_is_told_once_after_all_rows(length: int) -> None:
    source = Source(steady(30))
    fetch_page = source.fetch

    async def fetch(interval: Interval) -> Page:
        return (await fetch_page(interval))._replace(ends_in_gap=interval.end == 1000)

    found = [s async for s in stretches(fetch, Interval(0, 1000), Pace(length, ROWS_MAX))]
    assert [len(stretch) for stretch in found].index(0) == len(found) - 1
    assert found[-1].starts_interval


async def test_what_is_whole_is_asked_for_at_once_and_nothing_beyond_it() -> None:
    source = Source(steady(20))
    wholes = [Interval(40, 80), Interval(80, 120), Interval(150, 190)]
    async for _ in stretches(source.fetch, Interval(0, 200), Pace(40, ROWS_MAX, wholes)):
        pass
    assert source.asked[:4] == [(0, 40), (40, 80), (80, 120), (120, 150)]
    assert source.asked[4:] == [(150, 190), (190, 200)]


@pytest.mark.parametrize("start", [30, 31, 64])
async def test_a_read_that_begins_or_ends_in_what_is_whole_asks_for_that_part(start: int) -> None:
    source = Source(steady(20))
    wholes = [Interval(30, 65), Interval(70, 130)]
    async for _ in stretches(source.fetch, Interval(start, 90), Pace(3, ROWS_MAX, wholes)):
        pass
    assert source.asked == [(start, 65), (65, 68), (68, 70), (70, 90)]


@pytest.mark.parametrize("length", [1, 70, 2**64])
async def test_all_rows_come_in_order_when_wholes_are_not_what_they_seemed(length: int) -> None:
    """They give full pages: their copies are gone meanwhile."""
    times = steady(300)
    source = Source(times)
    wholes = [Interval(at, at + 250) for at in range(0, 3000, 500)]
    found = stretches(source.fetch, Interval(0, 2990), Pace(length, ROWS_MAX, wholes))
    seen = [time async for stretch in found for time in stretch.rows["timestamp"].tolist()]
    assert seen == times[:-1]
