from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.unit.node.support import LAYOUT, make_rows, make_stream

from joule.errors import (
    ConflictError,
    DataError,
    DuplicateTimestampError,
    InvalidRequestError,
    PipeError,
)
from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.node.checks import owned

if TYPE_CHECKING:
    from tests.unit.node.support import ChosenEngine

    from joule.models.streams import DataStream
    from joule.node import LocalNode


async def write(node: LocalNode, stream: DataStream, *blocks: list[int], gap: int = 0) -> None:
    """One session; an empty block is the end of an interval."""
    async with await node.data.open_writer(stream, merge_gap_us=gap) as writer:
        for times in blocks:
            if times:
                await writer.write(make_rows(times))
            else:
                await writer.end_interval()


async def intervals(node: LocalNode, stream: DataStream) -> list[tuple[int, int]]:
    return [(start, end - 1) for start, end in await node.data.intervals(stream)]


# ------------------------------------------------------------------ one producer


async def test_a_second_writer_is_refused_and_told_which_stream(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream):
        with pytest.raises(ConflictError, match=r"^DataStream \[s\] is already being produced$"):
            await node.data.open_writer(stream)
    async with await node.data.open_writer(stream):
        pass


async def test_a_stream_shows_that_it_is_being_produced(
    node: LocalNode, stream: DataStream
) -> None:
    writer = await node.data.open_writer(stream)
    assert stream.is_destination
    assert stream.locked
    await writer.close()
    assert not stream.is_destination
    writer = await node.data.open_writer(stream)
    await writer.abort()
    assert not stream.is_destination


async def test_closing_twice_is_harmless_and_does_not_disturb_the_next_writer(
    node: LocalNode, stream: DataStream
) -> None:
    writer = await node.data.open_writer(stream)
    await writer.close()
    async with await node.data.open_writer(stream):
        await writer.close()
        await writer.abort()
        assert stream.is_destination


async def test_a_closed_writer_takes_no_more_rows(node: LocalNode, stream: DataStream) -> None:
    writer = await node.data.open_writer(stream)
    await writer.close()
    with pytest.raises(PipeError, match=r"writer of stream \[s\] is closed"):
        await writer.write(make_rows([1]))


async def test_an_error_in_the_block_of_a_writer_releases_the_stream_and_keeps_its_rows(
    node: LocalNode, stream: DataStream
) -> None:
    async def fail() -> None:
        async with await node.data.open_writer(stream) as writer:
            await writer.write(make_rows([1]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not stream.is_destination
    assert (await node.data.info(stream)).rows == 1


async def test_a_negative_merge_gap_is_refused(node: LocalNode, stream: DataStream) -> None:
    with pytest.raises(InvalidRequestError, match="merge-gap must be >= 0"):
        await node.data.open_writer(stream, merge_gap_us=-1)
    assert not stream.is_destination


# ------------------------------------------------------------------ what rows must be like


@pytest.mark.parametrize("times", [[1, 3, 2], [1, 1], [5, 4]])
async def test_timestamps_must_increase_within_a_write(
    node: LocalNode, stream: DataStream, times: list[int]
) -> None:
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(DataError, match=r"^Non-monotonic timestamps in new data .*\[s\]"):
            await writer.write(make_rows(times))
    assert (await node.data.info(stream)).rows == 0


@pytest.mark.parametrize("again", [[2, 3], [1]])
async def test_timestamps_must_increase_from_write_to_write_also_across_intervals(
    node: LocalNode, stream: DataStream, again: list[int]
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        await writer.end_interval()
        with pytest.raises(DataError, match="Non-monotonic timestamps in new data"):
            await writer.write(make_rows(again))


async def test_the_complaint_names_both_timestamps(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(DataError, match=r"\(7<=8\)"):
            await writer.write(make_rows([1, 8, 7, 9]))


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
@pytest.mark.parametrize("datatype", ["float32", "float64"])
async def test_values_that_are_not_finite_are_refused(
    node: LocalNode, value: float, text: str, datatype: str
) -> None:
    layout = Layout(datatype, 2)
    stream = await node.catalog.create_data_stream(make_stream("f", layout), "/a")
    rows = make_rows([1, 2, 3], layout)
    rows["data"][1, 1] = value
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(
            DataError, match=rf"^Invalid values \({text}\) in new data .*\[f\].* 2$"
        ):
            await writer.write(rows)
        assert (await node.data.info(stream)).rows == 0


async def test_rows_of_another_layout_are_refused(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(DataError, match=r"layout .*\[s\].* int32_1"):
            await writer.write(make_rows([1], Layout("int16", 1)))


async def test_after_a_refused_write_the_writer_goes_on_with_a_break(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        with pytest.raises(DataError):
            await writer.write(make_rows([4, 3]))
        await writer.write(make_rows([5, 6]))
        await writer.write(make_rows([7]))
    assert await intervals(node, stream) == [(1, 2), (5, 7)]


async def test_after_a_clock_went_back_only_the_refused_block_is_lost(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1000]))
        with pytest.raises(DataError):
            await writer.write(make_rows([10]))
        await writer.write(make_rows([11]))
        await writer.write(make_rows([12]))
    assert await intervals(node, stream) == [(11, 12), (1000, 1000)]


# ------------------------------------------------------------------ whose memory it is


async def test_the_caller_may_reuse_its_buffer(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as writer, node.data.subscribe(stream) as cursor:
        rows = make_rows([1, 2])
        await writer.write(rows)
        rows["timestamp"] += 100
        rows["data"] = -1
        block = await anext(cursor)
    assert block.rows["timestamp"].tolist() == [1, 2]
    reading = await node.data.read(stream)
    assert [b.rows["data"].tolist() async for b in reading.blocks] == [[[1], [2]]]


@pytest.mark.parametrize("wrap", [bytes, lambda data: memoryview(bytes(data))])
def test_rows_over_immutable_bytes_are_not_copied(wrap: Any) -> None:
    rows = LAYOUT.view(wrap(make_rows([1, 2]).tobytes()))
    assert owned(rows) is rows


@pytest.mark.parametrize("wrap", [bytearray, lambda data: memoryview(bytearray(data))])
def test_rows_over_memory_that_may_change_are_copied(wrap: Any) -> None:
    rows = LAYOUT.view(wrap(make_rows([1, 2]).tobytes()))
    assert not np.shares_memory(owned(rows), rows)


def test_a_few_rows_of_a_large_buffer_are_copied_so_that_it_can_go() -> None:
    rows = LAYOUT.view(make_rows(range(100)).tobytes())[:3]
    assert not np.shares_memory(owned(rows), rows)


# ------------------------------------------------------------------ intervals in order


async def test_each_session_starts_a_new_interval(node: LocalNode, stream: DataStream) -> None:
    await write(node, stream, [1, 2], [3])
    await write(node, stream, [4], [5])
    assert await intervals(node, stream) == [(1, 3), (4, 5)]


async def test_the_end_of_an_interval_is_a_break_and_none_without_rows_before_it(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [], [1], [], [], [2, 3], [])
    assert await intervals(node, stream) == [(1, 1), (2, 3)]


@pytest.mark.parametrize(("first", "gap", "joins"), [
    (2, 0, False),
    (3, 1, True),
    (4, 1, False),
    (2, 1, True),
    (12, 10, True),
    (13, 10, False),
])  # fmt: skip
async def test_a_session_within_the_merge_gap_joins_the_interval_before(
    node: LocalNode, stream: DataStream, first: int, gap: int, joins: bool
) -> None:
    await write(node, stream, [1])
    await write(node, stream, [first], gap=gap)
    assert (len(await intervals(node, stream)) == 1) is joins


async def test_the_merge_gap_joins_only_the_first_rows_of_a_session(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [1])
    await write(node, stream, [], [2], [], [3], gap=100)
    assert await intervals(node, stream) == [(1, 2), (3, 3)]


# ------------------------------------------------------------------ late rows


async def test_late_rows_in_a_gap_become_an_interval_of_their_own(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [10, 11], [], [50, 51])
    await write(node, stream, [20], [21, 22], [23])
    assert await intervals(node, stream) == [(10, 11), (20, 23), (50, 51)]


async def test_late_rows_inside_an_interval_split_it(node: LocalNode, stream: DataStream) -> None:
    await write(node, stream, [10, 20, 30, 40])
    await write(node, stream, [22, 24])
    assert await intervals(node, stream) == [(10, 20), (22, 24), (30, 40)]


async def test_late_rows_before_all_others_are_an_interval_of_their_own(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [10])
    await write(node, stream, [1, 2], [3])
    assert await intervals(node, stream) == [(1, 3), (10, 10)]


async def test_late_rows_within_the_merge_gap_join_the_interval_before(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [10], [], [50])
    await write(node, stream, [15, 16], [17], gap=5)
    assert await intervals(node, stream) == [(10, 17), (50, 50)]


async def test_a_session_may_pass_over_stored_rows_with_breaks_on_both_sides(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [10, 11])
    await write(node, stream, [5], [20], [21])
    assert await intervals(node, stream) == [(5, 5), (10, 11), (20, 21)]


async def test_one_block_may_hold_late_rows_and_rows_in_order(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [10, 20])
    await write(node, stream, [15, 30, 31], [32])
    assert await intervals(node, stream) == [(10, 10), (15, 15), (20, 20), (30, 32)]


async def test_a_break_within_late_rows_is_kept(node: LocalNode, stream: DataStream) -> None:
    await write(node, stream, [100])
    await write(node, stream, [1], [], [2], [3], [])
    assert await intervals(node, stream) == [(1, 1), (2, 3), (100, 100)]


async def test_a_timestamp_that_is_stored_is_refused_by_name_and_the_writer_goes_on(
    node: LocalNode, stream: DataStream
) -> None:
    await write(node, stream, [10, 20, 30])
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(DuplicateTimestampError, match=r"20.* already exists"):
            await writer.write(make_rows([15, 20, 40]))
        await writer.write(make_rows([16]))
    assert await intervals(node, stream) == [(10, 10), (16, 16), (20, 30)]


async def test_after_a_deletion_the_range_can_be_written_again_in_order(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    await write(node, stream, [1, 2, 3, 4])
    async with await node.data.open_writer(stream) as writer:
        await node.data.delete(stream, Interval(2, 10))
        await writer.write(make_rows([2, 3]))
        assert engine.chosen.pending_bytes > 0, "these are in order now"
    assert await intervals(node, stream) == [(1, 1), (2, 3)]


async def test_a_write_and_a_deletion_at_the_same_time_agree_on_the_last_row(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        async with asyncio.TaskGroup() as group:
            group.create_task(node.data.delete(stream, Interval(2, 3)))
            group.create_task(writer.write(make_rows([3])))
        await writer.write(make_rows([4]))
    assert (await node.data.info(stream)).rows == 3
    assert (await intervals(node, stream))[-1][1] == 4


async def test_rows_are_readable_as_soon_as_write_returns(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        assert (await node.data.info(stream)).rows == 2
