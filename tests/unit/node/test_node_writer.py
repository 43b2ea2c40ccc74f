from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.errors import (
    ConflictError,
    DataError,
    InvalidRequestError,
    PipeError,
)
from joule.models.layout import Layout
from joule.node.checks import owned
from tests.unit.node.support import LAYOUT, make_rows, make_stream, runs_of

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import LocalNode


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


async def test_the_past_is_written_beside_the_producer(node: LocalNode, stream: DataStream) -> None:
    async with await node.data.open_writer(stream) as producer:
        await producer.write(make_rows(range(1, 4)))
        await producer.write(make_rows(range(100, 103)))
        async with await node.data.open_writer(stream, backfill=True) as guest:
            await guest.write(make_rows(range(10, 20)))
            await guest.end_interval()
            await producer.write(make_rows(range(103, 106)))
            await guest.write(make_rows(range(30, 40)))
            with pytest.raises(ConflictError, match="before its newest one only"):
                await guest.write(make_rows(range(104, 108)))
        assert stream.is_destination
        await producer.write(make_rows(range(106, 108)))
    assert not stream.is_destination
    assert await runs_of(node, stream) == [(1, 3), (10, 19), (30, 39), (100, 107)]


async def test_who_writes_the_past_outlives_the_producer(
    node: LocalNode, stream: DataStream
) -> None:
    producer = await node.data.open_writer(stream)
    await producer.write(make_rows([100]))
    guest = await node.data.open_writer(stream, backfill=True)
    await producer.close()
    async with await node.data.open_writer(stream) as next_one:
        await guest.write(make_rows([10]))
        await next_one.write(make_rows([101]))
        await guest.close()
        assert stream.is_destination
    assert await runs_of(node, stream) == [(10, 10), (100, 100), (101, 101)]


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
    stream = await node.catalog.create_stream(make_stream("f", layout), "/a")
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
    assert await runs_of(node, stream) == [(1, 2), (5, 7)]


async def test_after_a_clock_went_back_only_the_refused_block_is_lost(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1000]))
        with pytest.raises(DataError):
            await writer.write(make_rows([10]))
        await writer.write(make_rows([11]))
        await writer.write(make_rows([12]))
    assert await runs_of(node, stream) == [(11, 12), (1000, 1000)]


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
