"""Reading rows: pipes, arrays and live streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from aiohttp import web

from joule.errors import (
    ApiError,
    EmptyPipeError,
    InvalidDataStreamParameter,
    InvalidRequestError,
    NodeConnectionError,
    PipeError,
    StreamNotFound,
)
from tests.unit.api.support import rows_of, stream_json, stream_of, until_produced

if TYPE_CHECKING:
    from joule.api import DataStream, TcpNode
    from tests.unit.api.support import FakeNode

FIRST, STEP, COUNT = 1_000, 10, 5_000


@pytest.fixture
async def stream(node: TcpNode) -> DataStream:
    """A stream of two intervals of 5000 rows, the second 1 s after the first."""
    stream = await node.data_stream_create(stream_of(), "/folder")
    pipe = await node.data_write(stream)
    await pipe.write(rows_of(stream, times(FIRST)))
    await pipe.close_interval()
    await pipe.write(rows_of(stream, times(FIRST + 1_000_000)))
    await pipe.close()
    return stream


def times(first: int) -> range:
    return range(first, first + COUNT * STEP, STEP)


async def test_a_pipe_gives_all_rows_and_the_breaks_between_them(
    node: TcpNode, stream: DataStream
) -> None:
    pipe = await node.data_read("/folder/stream")
    sizes = [0]
    while await pipe.not_empty():
        rows = await pipe.read()
        pipe.consume(len(rows))
        sizes[-1] += len(rows)
        if pipe.end_of_interval:
            sizes.append(0)
    await pipe.close()
    assert sizes[:2] == [COUNT, COUNT]
    assert sum(sizes) == 2 * COUNT


async def test_a_pipe_knows_its_stream_and_layout_before_the_first_read(
    node: TcpNode, stream: DataStream
) -> None:
    pipe = await node.data_read(stream.id)
    assert pipe.stream is not None
    assert pipe.stream.elements[1].name == "e1"
    assert (pipe.name, pipe.layout, pipe.decimation_level) == ("stream", "float32_2", 1)
    await pipe.close()
    pipe = await node.data_read(stream, max_rows=100)
    assert (pipe.layout, pipe.decimation_level, pipe.decimated) == ("float32_6", 256, True)
    rows = await pipe.read_all()
    assert 0 < len(rows) <= 100
    assert (rows["data"][:, 2:4] <= rows["data"][:, 0:2]).all()
    assert (rows["data"][:, 4:6] >= rows["data"][:, 0:2]).all()


async def test_bounds_are_half_open_and_lose_their_fractions(
    node: TcpNode, stream: DataStream
) -> None:
    rows = await node.data_read_array(stream, FIRST + 10.9, FIRST + 30.0)
    assert rows["timestamp"].tolist() == [FIRST + 10, FIRST + 20]


async def test_an_array_can_be_flat(node: TcpNode, stream: DataStream) -> None:
    rows = await node.data_read_array(stream, end=FIRST + 30, flatten=True)
    assert rows.shape == (3, 3)
    assert rows[:, 0].tolist() == [FIRST, FIRST + 10, FIRST + 20]


async def test_an_array_is_decimated_only_above_max_rows(node: TcpNode, stream: DataStream) -> None:
    assert len(await node.data_read_array(stream)) == 2 * COUNT
    assert (await node.data_read_array(stream, max_rows=2 * COUNT - 1))["data"].shape[1] == 6
    assert len(await node.data_read_array(stream, max_rows=None)) == 2 * COUNT


async def test_a_stream_object_is_trusted_and_not_looked_up(
    fake: FakeNode, client: TcpNode
) -> None:
    fake.on_text("GET", "/data", "this stream has no data", status=400)
    stream = stream_of()
    stream.id = 7
    pipe = await client.data_read(stream, 5, 6, max_rows=10)
    assert await pipe.is_empty()
    assert [dict(request.query) for request in fake.requests] == [
        {"id": "7", "start": "5", "end": "6", "max-rows": "10"}
    ]


@pytest.mark.parametrize("bounds", [(10**9, None), (None, 0), (FIRST + 1, FIRST + 5)])
async def test_a_range_without_rows_gives_a_pipe_that_has_ended(
    node: TcpNode, stream: DataStream, bounds: tuple[int | None, int | None]
) -> None:
    pipe = await node.data_read(stream, *bounds)
    assert pipe.layout == "float32_2"
    assert await pipe.is_empty()
    with pytest.raises(EmptyPipeError):
        await pipe.read()
    await pipe.close()
    with pytest.raises(PipeError, match="No data in pipe"):
        await node.data_read_array(stream, *bounds)


async def test_a_stream_that_was_never_written_reads_as_empty(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/folder")
    pipe = await node.data_read(stream)
    assert await pipe.is_empty()
    await pipe.close()


async def test_a_refused_read_raises_at_once(node: TcpNode, stream: DataStream) -> None:
    with pytest.raises(StreamNotFound, match=r"^stream does not exist \[404\]$"):
        await node.data_read("/no/such")
    with pytest.raises(ApiError, match=r"\[start\] must be before \[end\]"):
        await node.data_read(stream, 10, 10)
    with pytest.raises(ApiError, match=r"\[max-rows\] must be > 0"):
        await node.data_read(stream, max_rows=0)


@pytest.mark.parametrize("bad", [1.5, None, True, b"/a", ["a"]])
async def test_what_names_no_stream_is_refused_before_asking(client: TcpNode, bad: Any) -> None:
    for method in (
        client.data_read,
        client.data_read_array,
        client.data_subscribe,
        client.data_write,
        client.data_delete,
        client.data_intervals,
        client.data_decimate,
        client.data_drop_decimations,
    ):
        with pytest.raises(InvalidDataStreamParameter) as caught:
            await method(bad)
        assert str(caught.value) == "Invalid stream datatype. Must be DataStream, Path, or ID"


@pytest.mark.parametrize("bad", ["now", float("nan"), float("inf"), []])
async def test_a_bound_that_is_no_time_is_named(client: TcpNode, bad: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"\[end\] must be a timestamp"):
        await client.data_intervals(1, end=bad)


@pytest.mark.parametrize("headers", [{}, {"joule-layout": "x_1", "joule-decimation": "1"}])
async def test_rows_without_a_layout_are_refused(
    fake: FakeNode, client: TcpNode, headers: dict[str, str]
) -> None:
    fake.on_json("GET", "/stream.json", stream_json())
    fake.on_text("GET", "/data", "", headers=headers)
    with pytest.raises(ApiError, match="Invalid node response"):
        await client.data_read(1)


async def test_rows_that_break_off_are_an_error_not_an_end(fake: FakeNode, client: TcpNode) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"joule-layout": "float32_2", "joule-decimation": "1"}
        )
        await response.prepare(request)
        await response.write(rows_of(stream_of(), [1, 2]).tobytes())
        assert request.transport is not None
        request.transport.abort()
        return response

    fake.on_json("GET", "/stream.json", stream_json())
    fake.on("GET", "/data", broken)
    pipe = await client.data_read(1)
    with pytest.raises(NodeConnectionError, match="Cannot contact node"):
        await pipe.read_all()


async def test_a_slow_reader_slows_the_node_down(fake: FakeNode, client: TcpNode) -> None:
    piece = rows_of(stream_of(), range(1, 20_001)).tobytes()
    sent_bytes = 0
    stopped = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent_bytes
        response = web.StreamResponse(
            headers={"joule-layout": "float32_2", "joule-decimation": "1"}
        )
        await response.prepare(request)
        try:
            while sent_bytes < 1 << 30:
                await response.write(piece)
                sent_bytes += len(piece)
        finally:
            stopped.set()
        return response

    fake.on_json("GET", "/stream.json", stream_json())
    fake.on("GET", "/data", endless)
    pipe = await client.data_read(1)
    await pipe.read()
    before = -1
    while before != sent_bytes:  # until the node is held up
        before = sent_bytes
        await asyncio.sleep(0.05)
    assert sent_bytes < 64 << 20
    await pipe.close()
    await stopped.wait()


# ------------------------------------------------------------------ live streams


async def test_a_live_stream_is_followed_until_its_producer_ends(
    node: TcpNode, stream: DataStream
) -> None:
    producer = await node.data_write(stream)
    await producer.write([[10**8, 1, 2]])
    await until_produced(node, stream)
    pipe = await node.data_subscribe("/folder/stream")
    await producer.write([[10**8 + 1, 3, 4]])
    rows = await pipe.read()
    pipe.consume_all()
    assert rows["timestamp"][-1] == 10**8 + 1
    await producer.close_interval()
    await pipe.read()
    assert pipe.end_of_interval
    await producer.close()
    assert await pipe.is_empty()
    await pipe.close()


async def test_a_subscription_can_begin_in_the_past(node: TcpNode, stream: DataStream) -> None:
    producer = await node.data_write(stream)
    await producer.write([[10**8, 1, 2]])
    await until_produced(node, stream)
    begin = FIRST + 1_000_000 + (COUNT - 2) * STEP
    pipe = await node.data_subscribe(stream, start=begin)
    await producer.write([[10**8 + 1, 1, 2]])
    await producer.close()
    rows = await pipe.read_all()
    assert rows["timestamp"].tolist() == [begin, begin + STEP, 10**8, 10**8 + 1]


async def test_a_subscription_to_the_past_alone_ends_with_it(
    node: TcpNode, stream: DataStream
) -> None:
    begin = FIRST + 1_000_000 + (COUNT - 2) * STEP
    pipe = await node.data_subscribe(stream, start=begin)
    assert (await pipe.read_all())["timestamp"].tolist() == [begin, begin + STEP]


async def test_a_stream_that_nobody_produces_cannot_be_followed(
    node: TcpNode, stream: DataStream
) -> None:
    with pytest.raises(ApiError) as caught:
        await node.data_subscribe(stream)
    assert str(caught.value) == (
        "DataStream [stream] is not being produced, specify time bounds for historic execution"
    )


# ------------------------------------------------------------------ what there is


async def test_intervals_end_behind_their_last_row(node: TcpNode, stream: DataStream) -> None:
    length = (COUNT - 1) * STEP + 1
    second = FIRST + 1_000_000
    assert await node.data_intervals(stream) == [
        [FIRST, FIRST + length],
        [second, second + length],
    ]
    assert await node.data_intervals(stream, second) == [[second, second + length]]


async def test_deleting_a_range_leaves_a_break(node: TcpNode, stream: DataStream) -> None:
    await node.data_delete(stream, FIRST + 100, FIRST + 200.7)
    assert (await node.data_intervals(stream, end=FIRST + 300))[0] == [FIRST, FIRST + 91]
    await node.data_delete(stream)
    assert await node.data_intervals(stream) == []


async def test_intervals_close_to_each_other_can_be_joined(
    node: TcpNode, stream: DataStream
) -> None:
    assert await node.data_consolidate(stream, 1000) == 0
    assert await node.data_consolidate(stream, 2_000_000) == 1
    assert len(await node.data_intervals(stream)) == 1
    with pytest.raises(ApiError, match="max_gap"):
        await node.data_consolidate(stream, 0)


async def test_decimations_can_be_dropped_and_computed_anew(
    node: TcpNode, stream: DataStream
) -> None:
    before = await node.data_read_array(stream, max_rows=100)
    await node.data_drop_decimations(stream)
    assert np.array_equal(await node.data_read_array(stream, max_rows=100), before)
    await node.data_decimate(stream)
    assert np.array_equal(await node.data_read_array(stream, max_rows=100), before)
