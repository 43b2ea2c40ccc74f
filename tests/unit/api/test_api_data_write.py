"""Writing rows: what is checked here, what the node finds, and what closing promises."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from aiohttp import web

from joule.errors import (
    ConflictError,
    DataError,
    DuplicateTimestampError,
    InvalidRequestError,
    NodeConnectionError,
    PipeError,
    StreamNotFound,
)
from joule.models.layout import find_tokens
from tests.unit.api.support import rows_of, stream_json, stream_of, until_produced

if TYPE_CHECKING:
    from joule.api import DataStream, TcpNode
    from joule.models.layout import Rows
    from tests.unit.api.support import FakeNode


@pytest.fixture
async def stream(node: TcpNode) -> DataStream:
    return await node.data_stream_create(stream_of(), "/folder")


async def stored(node: TcpNode, stream: DataStream) -> list[int]:
    rows = await node.data_read_array(stream, max_rows=None)
    timestamps: list[int] = rows["timestamp"].tolist()
    return timestamps


async def test_rows_are_stored_when_closing_has_returned(node: TcpNode, stream: DataStream) -> None:
    pipe = await node.data_write("/folder/stream")
    for first in (1, 101, 201):
        await pipe.write(rows_of(stream, range(first, first + 100)))
    await pipe.close()
    rows = await node.data_read_array(stream)
    assert np.array_equal(rows, rows_of(stream, range(1, 301)))
    assert len(await node.data_intervals(stream)) == 1


async def test_a_large_write_may_be_changed_by_its_owner_afterwards(
    node: TcpNode, stream: DataStream
) -> None:
    rows = rows_of(stream, range(1, 200_001))
    pipe = await node.data_write(stream)
    for round_number in range(3):
        await pipe.write(rows)
        rows["timestamp"] += 200_000 if round_number < 2 else 0
        rows["data"] += 0
    await pipe.close()
    assert await stored(node, stream) == list(range(1, 600_001))


async def test_breaks_arrive_where_they_were_made(node: TcpNode, stream: DataStream) -> None:
    pipe = await node.data_write(stream)
    await pipe.close_interval()
    for first in (10, 20, 30):
        await pipe.write([[first, 1, 2], [first + 1, 3, 4]])
        await pipe.close_interval()
        await pipe.close_interval()
    await pipe.close()
    assert await node.data_intervals(stream) == [[10, 12], [20, 22], [30, 32]]


async def test_cached_writes_keep_their_breaks(node: TcpNode, stream: DataStream) -> None:
    pipe = await node.data_write(stream)
    pipe.enable_cache(1000)
    await pipe.write([[10, 1, 2]])
    await pipe.close_interval()
    await pipe.write([[20, 1, 2]])
    pipe.close_interval_nowait()
    await pipe.write([[30, 1, 2]])
    await pipe.close()
    assert await node.data_intervals(stream) == [[10, 11], [20, 21], [30, 31]]


async def test_each_write_begins_an_interval_unless_the_gap_is_merged(
    node: TcpNode, stream: DataStream
) -> None:
    for first, gap in ((10, 0), (20, 0), (30, 100)):
        pipe = await node.data_write(stream, merge_gap=gap)
        await pipe.write([[first, 1, 2]])
        await pipe.close()
    assert await node.data_intervals(stream) == [[10, 11], [20, 31]]


async def test_a_given_range_is_deleted_first(node: TcpNode, stream: DataStream) -> None:
    pipe = await node.data_write(stream)
    await pipe.write(rows_of(stream, range(1, 11)))
    await pipe.close()
    pipe = await node.data_write(stream, start=3, end=6.5)
    await pipe.write([[4, 0, 0]])
    await pipe.close()
    assert await stored(node, stream) == [1, 2, 4, 6, 7, 8, 9, 10]


# ------------------------------------------------------------------ what is checked here


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ([[5, 0, 0]], "timestamps are not monotonic: 5 comes after 5"),
        ([[4, 0, 0]], "timestamps are not monotonic: 4 comes after 5"),
        ([[6, 0, 0], [8, 0, 0], [8, 0, 0]], "timestamps are not monotonic: 8 comes after 8"),
        ([[6, 0, 0], [7, 0, np.nan]], "invalid values (NaN or Inf)"),
        ([[6, np.inf, 0]], "invalid values (NaN or Inf)"),
        ([[6, 0, -np.inf]], "invalid values (NaN or Inf)"),
    ],
)
async def test_wrong_rows_are_refused_as_a_whole_and_the_pipe_goes_on(
    node: TcpNode, stream: DataStream, bad: list[list[float]], text: str
) -> None:
    pipe = await node.data_write(stream)
    await pipe.write([[5, 1, 2]])
    with pytest.raises(DataError) as caught:
        await pipe.write(bad)
    assert str(caught.value) == text
    await pipe.write([[9, 1, 2]])
    await pipe.close()
    assert await stored(node, stream) == [5, 9]


async def test_integers_have_no_wrong_values(node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(datatype="int16"), "/folder")
    pipe = await node.data_write(stream)
    await pipe.write([[1, -32768, 32767]])
    await pipe.close()
    assert (await node.data_read_array(stream))["data"].tolist() == [[-32768, 32767]]


async def test_a_row_that_would_be_taken_for_a_break_is_refused(
    node: TcpNode, stream: DataStream
) -> None:
    pipe = await node.data_write(stream)
    with pytest.raises(DataError, match="marks an interval break"):
        await pipe.write([[-1, 0, 0], [0, 0, 0]])
    await pipe.write([[-1, 0, 0], [0, 0, 1]])
    await pipe.close()
    assert await stored(node, stream) == [-1, 0]


async def test_data_older_than_the_stream_keeps_is_warned_of_once(
    node: TcpNode, caplog: pytest.LogCaptureFixture
) -> None:
    stream = await node.data_stream_create(stream_of(keep_us=3_600_000_000), "/folder")
    pipe = await node.data_write(stream)
    with caplog.at_level(logging.WARNING, logger="joule.api"):
        await pipe.write([[1000, 1, 2]])
        await pipe.write([[2000, 1, 2]])
    await pipe.close()
    assert caplog.text.count("older than stream [stream] keeps them") == 1


async def test_a_stream_object_of_another_layout_is_refused(
    node: TcpNode, stream: DataStream
) -> None:
    other = stream_of(width=3)
    other.id = stream.id
    with pytest.raises(DataError, match=r"has layout \[float32_2\], not \[float32_3\]"):
        await node.data_write(other)


async def test_other_element_names_are_only_warned_of(
    node: TcpNode, stream: DataStream, caplog: pytest.LogCaptureFixture
) -> None:
    stream.elements[0].name = "another"
    with caplog.at_level(logging.WARNING, logger="joule.api"):
        await (await node.data_write(stream)).close()
    assert "another" in caplog.text


async def test_a_negative_gap_is_refused(client: TcpNode) -> None:
    with pytest.raises(InvalidRequestError, match="merge-gap must be >= 0"):
        await client.data_write(1, merge_gap=-1)


async def test_a_missing_stream_is_refused_at_once(node: TcpNode) -> None:
    with pytest.raises(StreamNotFound):
        await node.data_write("/no/such")


# ------------------------------------------------------------------ what the node finds


async def test_a_stream_has_one_writer_at_a_time(node: TcpNode, stream: DataStream) -> None:
    first = await node.data_write(stream)
    await first.write([[1, 1, 2]])
    await until_produced(node, stream)
    with pytest.raises(ConflictError, match=r"DataStream \[stream\] is already being produced"):
        await node.data_write(stream)
    await first.close()
    await (await node.data_write(stream)).close()


async def test_a_timestamp_that_is_stored_already_is_named_at_the_latest_when_closing(
    node: TcpNode, stream: DataStream
) -> None:
    pipe = await node.data_write(stream)
    await pipe.write([[1000, 1, 2]])
    await pipe.close()
    again = await node.data_write(stream)
    await again.write([[1000, 1, 2]])
    with pytest.raises(DuplicateTimestampError, match=r"1000.*already exists"):
        await again.close()
    assert again.closed


async def refuse(request: web.Request) -> web.Response:
    await request.content.readany()
    return web.Response(status=400, text="no more of this", headers={"X-Joule-Fault": "DataError"})


async def test_an_error_of_the_node_surfaces_from_a_later_write(
    fake: FakeNode, client: TcpNode
) -> None:
    fake.on_json("GET", "/stream.json", stream_json())
    fake.on("POST", "/data", refuse)
    pipe = await client.data_write(1)
    written = 0

    async def write_on() -> None:
        nonlocal written
        for first in range(1, 10**7, 50_000):
            await pipe.write(rows_of(stream_of(), range(first, first + 50_000)))
            written += 1

    with pytest.raises(DataError, match=r"^no more of this \[400\]$"):
        await write_on()
    assert written >= 1
    await pipe.close()  # has been reported
    with pytest.raises(PipeError, match="closed"):
        await pipe.write([[10**8, 1, 2]])


async def test_an_error_that_no_write_has_seen_surfaces_when_closing(
    fake: FakeNode, client: TcpNode
) -> None:
    fake.on_json("GET", "/stream.json", stream_json())
    fake.on("POST", "/data", refuse)
    pipe = await client.data_write(1)
    await pipe.write([[1, 1, 2]])
    with pytest.raises(DataError, match="no more of this"):
        await pipe.close()
    await pipe.close()


async def test_a_node_that_goes_away_is_an_error(fake: FakeNode, client: TcpNode) -> None:
    async def vanish(request: web.Request) -> web.Response:
        await request.content.readany()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    fake.on_json("GET", "/stream.json", stream_json())
    fake.on("POST", "/data", vanish)
    pipe = await client.data_write(1)
    await pipe.write([[1, 1, 2]])
    with pytest.raises(NodeConnectionError, match="Cannot contact node"):
        await pipe.close()


class Held:
    """A node that takes nothing of a write until it is let go."""

    def __init__(self, fake: FakeNode) -> None:
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()
        self.ended = asyncio.Event()
        self.body = bytearray()
        fake.on_json("GET", "/stream.json", stream_json())
        fake.on("POST", "/data", self.answer)

    async def answer(self, request: web.Request) -> web.Response:
        self.reached.set()
        try:
            await self.let_go.wait()
            async for piece in request.content.iter_any():
                self.body += piece
        finally:
            self.ended.set()
        return web.Response(text="ok")

    def rows(self) -> Rows:
        return stream_of().rows_layout.view(bytes(self.body))


async def test_the_node_hears_of_a_writer_before_the_first_row(
    fake: FakeNode, client: TcpNode
) -> None:
    held = Held(fake)
    pipe = await client.data_write(1)
    await asyncio.wait_for(held.reached.wait(), 5)
    held.let_go.set()
    await pipe.close()
    assert not held.body


async def test_writes_wait_while_the_node_is_slower(fake: FakeNode, client: TcpNode) -> None:
    held = Held(fake)
    stream = stream_of()
    pipe = await client.data_write(1)
    written = 0

    async def write() -> None:
        nonlocal written
        for first in range(1, 4_000_001, 1000):
            await pipe.write(rows_of(stream, range(first, first + 1000)))
            written += 1000

    writing = asyncio.create_task(write())
    await held.reached.wait()
    before = -1
    while before != written:  # until it is held up
        before = written
        await asyncio.sleep(0.05)
    assert 0 < written < 4_000_000
    assert not writing.done()
    held.let_go.set()
    await writing
    await pipe.close()
    rows = held.rows()
    assert len(rows) == 4_000_001
    assert find_tokens(rows).tolist() == [4_000_000]


async def test_a_cancelled_write_keeps_its_rows_whole_whatever_the_caller_does_next(
    fake: FakeNode, client: TcpNode
) -> None:
    held = Held(fake)
    rows = rows_of(stream_of(), range(1, 1_000_001))
    expected = rows.copy()
    pipe = await client.data_write(1)
    writing = asyncio.create_task(pipe.write(rows))
    await held.reached.wait()
    await asyncio.sleep(0.05)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    rows["data"] = -1
    held.let_go.set()
    await pipe.close()
    assert np.array_equal(held.rows()[:-1], expected)


async def test_cancelling_the_close_gives_the_connection_up(
    fake: FakeNode, client: TcpNode
) -> None:
    held = Held(fake)
    pipe = await client.data_write(1)
    await pipe.write([[1, 1, 2]])
    await held.reached.wait()
    closing = asyncio.create_task(pipe.close())
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    held.let_go.set()
    await asyncio.wait_for(held.ended.wait(), 5)
    assert pipe.closed


async def test_a_forgotten_pipe_warns_and_lets_the_stream_go(
    node: TcpNode, stream: DataStream
) -> None:
    async def forget() -> None:
        pipe = await node.data_write(stream)
        await pipe.write([[1, 1, 2]])

    with pytest.warns(ResourceWarning, match="was not closed"):
        await forget()
    await until_produced(node, stream, False)


async def test_an_empty_write_is_fine(node: TcpNode, stream: DataStream) -> None:
    async with await node.data_write(stream) as pipe:
        await pipe.write([])
    assert await node.data_intervals(stream) == []


async def test_a_pipe_refuses_rows_of_another_shape(node: TcpNode, stream: DataStream) -> None:
    async with await node.data_write(stream) as pipe:
        with pytest.raises(PipeError, match="wrong number of fields"):
            await pipe.write([[1, 2]])
        with pytest.raises(PipeError, match="cannot read from an output pipe"):
            await pipe.read()


async def test_a_range_of_the_past_is_replaced_while_the_stream_is_produced(
    node: TcpNode, stream: DataStream
) -> None:
    async with await node.data_write(stream) as producer:
        await producer.write(rows_of(stream, range(1, 101)))
        await until_produced(node, stream)
        for end in (None, 101):
            with pytest.raises(ConflictError, match="already being produced"):
                await node.data_write(stream, 11, end)
        async with await node.data_write(stream, 11, 100) as past:
            await past.write(rows_of(stream, range(50, 60)))
        await producer.write(rows_of(stream, range(101, 111)))
    expected = [*range(1, 11), *range(50, 60), *range(100, 111)]
    assert await stored(node, stream) == expected
