from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import InvalidRequestError, NoDataError
from joule.models.intervals import ALL_TIME, Interval, bounded
from joule.models.layout import Layout
from tests.unit.node.support import BREAK, everything, make_rows

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import LocalNode, Reading


@pytest.fixture
async def filled(node: LocalNode, stream: DataStream) -> DataStream:
    """100 rows at 0, 10, ... 990 in two intervals of 60 and 40."""
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows(range(0, 600, 10)))
        await writer.end_interval()
        await writer.write(make_rows(range(600, 1000, 10)))
    return stream


async def count(reading: Reading) -> int:
    return sum([len(block.rows) async for block in reading.blocks])


# ------------------------------------------------------------------ raw


@pytest.mark.parametrize(
    ("start", "end", "first", "last", "rows"),
    [
        (None, None, 0, 990, 100),
        (10, None, 10, 990, 99),
        (11, None, 20, 990, 98),
        (None, 990, 0, 980, 99),
        (None, 991, 0, 990, 100),
        (300, 310, 300, 300, 1),
    ],
)
async def test_bounds_are_half_open_and_each_may_be_missing(
    node: LocalNode,
    filled: DataStream,
    start: int | None,
    end: int | None,
    first: int,
    last: int,
    rows: int,
) -> None:
    reading = await node.data.read(filled, bounded(start, end))
    times = [t for t in await everything(reading.blocks) if t != BREAK]
    assert (times[0], times[-1], len(times)) == (first, last, rows)
    assert (reading.layout, reading.level) == (filled.rows_layout, 1)


async def test_a_break_is_told_between_intervals(node: LocalNode, filled: DataStream) -> None:
    reading = await node.data.read(filled, Interval(580, 620))
    assert await everything(reading.blocks) == [580, 590, BREAK, 600, 610]


@pytest.mark.parametrize("interval", [Interval(5, 5), Interval(6, 5)])
async def test_a_range_without_length_is_refused_everywhere(
    node: LocalNode, filled: DataStream, interval: Interval
) -> None:
    for call in (node.data.read, node.data.intervals, node.data.delete):
        with pytest.raises(InvalidRequestError, match=r"^\[start\] must be before \[end\]$"):
            await call(filled, interval)
    with pytest.raises(InvalidRequestError, match=r"^\[start\] must be before \[end\]$"):
        await node.data.consolidate(filled, interval, 1)


async def test_no_rows_in_the_range_is_an_error_when_the_stream_has_some(
    node: LocalNode, filled: DataStream
) -> None:
    with pytest.raises(NoDataError, match=r"^this stream has no data$"):
        await node.data.read(filled, Interval(5000, 6000))


async def test_a_stream_without_rows_gives_an_empty_answer(
    node: LocalNode, stream: DataStream
) -> None:
    reading = await node.data.read(stream, Interval(0, 10))
    assert await everything(reading.blocks) == []
    reading = await node.data.read(stream, max_rows=5)
    assert await everything(reading.blocks) == []


async def test_no_rows_in_the_range_is_no_error_with_max_rows(
    node: LocalNode, filled: DataStream
) -> None:
    reading = await node.data.read(filled, Interval(5000, 6000), max_rows=10)
    assert await everything(reading.blocks) == []
    assert (reading.layout, reading.level) == (filled.rows_layout, 1)


# ------------------------------------------------------------------ decimated


@pytest.mark.parametrize(
    ("max_rows", "level"), [(100, 1), (99, 4), (25, 4), (24, 16), (7, 16), (6, 64), (1, 256)]
)
async def test_the_level_follows_from_the_exact_number_of_rows(
    node: LocalNode, filled: DataStream, max_rows: int, level: int
) -> None:
    reading = await node.data.read(filled, max_rows=max_rows)
    assert reading.level == level
    assert await count(reading) <= max_rows + 2


async def test_the_number_of_rows_is_that_of_the_range(node: LocalNode, filled: DataStream) -> None:
    reading = await node.data.read(filled, Interval(0, 100), max_rows=10)
    assert reading.level == 1
    reading = await node.data.read(filled, Interval(0, 110), max_rows=10)
    assert reading.level == 4


async def test_decimated_rows_hold_means_then_minima_then_maxima(
    node: LocalNode, filled: DataStream
) -> None:
    reading = await node.data.read(filled, Interval(0, 80), level=4)
    assert reading.layout == Layout("float32", 3)
    blocks = [block async for block in reading.blocks]
    rows = np.concatenate([block.rows for block in blocks])
    assert rows["timestamp"].tolist() == [15, 55]
    assert rows["data"].tolist() == [[15, 0, 30], [55, 40, 70]]


async def test_breaks_are_kept_in_decimated_rows(node: LocalNode, filled: DataStream) -> None:
    reading = await node.data.read(filled, level=64)
    blocks = [block async for block in reading.blocks]
    assert [block.starts_interval for block in blocks] == [False, True]
    assert [len(block.rows) for block in blocks] == [1, 1]


async def test_a_level_overrides_the_number_of_rows(node: LocalNode, filled: DataStream) -> None:
    reading = await node.data.read(filled, max_rows=1, level=4)
    assert reading.level == 4
    reading = await node.data.read(filled, max_rows=1, level=1)
    assert (reading.level, await count(reading)) == (1, 100)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"max_rows": 0}, r"^\[max-rows\] must be > 0$"),
        ({"max_rows": -1}, r"^\[max-rows\] must be > 0$"),
        ({"level": 0}, r"^\[decimation-level\] must be > 0$"),
        ({"level": 5}, r"^\[decimation-level\] must be a power of 4$"),
        ({"level": 8}, r"^\[decimation-level\] must be a power of 4$"),
    ],
)
async def test_a_choice_that_cannot_be_is_refused(
    node: LocalNode, filled: DataStream, choice: dict[str, int], text: str
) -> None:
    with pytest.raises(InvalidRequestError, match=text):
        await node.data.read(filled, ALL_TIME, **choice)


# ------------------------------------------------------------------ what is stored


async def test_info_tells_first_and_last_row_and_how_many(
    node: LocalNode, filled: DataStream
) -> None:
    info = await node.data.info(filled)
    assert (info.start, info.end, info.rows, info.total_time) == (0, 990, 100, 990)
    assert info.bytes > 0
    assert await node.data.infos([filled]) == {filled.id: info}


async def test_info_of_an_empty_stream_has_no_bounds(node: LocalNode, stream: DataStream) -> None:
    info = await node.data.info(stream)
    assert (info.start, info.end, info.rows, info.total_time) == (None, None, 0, 0)


async def test_intervals_end_behind_their_last_row(node: LocalNode, filled: DataStream) -> None:
    assert await node.data.intervals(filled) == [(0, 591), (600, 991)]
    assert await node.data.intervals(filled, Interval(100, 700)) == [(100, 591), (600, 691)]


async def test_consolidating_removes_breaks_of_small_gaps(
    node: LocalNode, filled: DataStream
) -> None:
    assert await node.data.consolidate(filled, ALL_TIME, 8) == 0
    assert await node.data.consolidate(filled, ALL_TIME, 9) == 1
    assert await node.data.intervals(filled) == [(0, 991)]
    with pytest.raises(InvalidRequestError, match="max_gap must be"):
        await node.data.consolidate(filled, ALL_TIME, 0)


async def test_deleting_a_range_leaves_a_break_and_says_how_many(
    node: LocalNode, filled: DataStream
) -> None:
    assert await node.data.delete(filled, Interval(100, 200)) == 10
    assert await node.data.intervals(filled, Interval(0, 600)) == [(0, 91), (200, 591)]
    assert await node.data.delete(filled) == 90


async def test_decimations_can_be_dropped_and_made_again(
    node: LocalNode, filled: DataStream, stream: DataStream
) -> None:
    for care in (node.data.drop_decimations, node.data.decimate):
        await care(filled)
        assert await count(await node.data.read(filled, level=16)) == 4 + 3
