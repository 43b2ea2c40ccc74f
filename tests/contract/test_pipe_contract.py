"""What holds for every pair of pipe ends: one local pipe, or an output and an input pipe."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.errors import ApiError, EmptyPipeError, PipeError
from joule.models.pipes import (
    InputPipe,
    LocalPipe,
    OutputPipe,
    Pipe,
    compute_dtype,
    reader_factory,
    writer_factory,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LAYOUT = "float32_2"


@dataclass
class Ends:
    """Two ends; rows written to one come out of the other."""

    writer: Pipe
    reader: Pipe


class StreamWriter:
    """Writes into an ``asyncio.StreamReader``, as a network connection would."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def write(self, data: bytes, /) -> None:
        self._reader.feed_data(data)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self._reader.feed_eof()

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)


def local_ends() -> Ends:
    pipe = LocalPipe(LAYOUT, name="pipe")
    return Ends(pipe, pipe)


def stream_ends() -> Ends:
    stream = asyncio.StreamReader()
    writer = OutputPipe("out", layout=LAYOUT, writer=StreamWriter(stream))
    return Ends(writer, InputPipe("in", layout=LAYOUT, reader=stream))


def descriptor_ends() -> Ends:
    read_end, write_end = os.pipe()
    return Ends(
        OutputPipe("out", layout=LAYOUT, writer_factory=writer_factory(write_end)),
        InputPipe("in", layout=LAYOUT, reader_factory=reader_factory(read_end)),
    )


async def socket_ends() -> Ends:
    """Two ends with a network's own streams between them."""
    here, there = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=here)
    reader, other_way = await asyncio.open_connection(sock=there)

    async def hang_up() -> None:
        other_way.close()
        await other_way.wait_closed()

    return Ends(
        OutputPipe("out", layout=LAYOUT, writer=writer),
        InputPipe("in", layout=LAYOUT, reader=reader, close_cb=hang_up),
    )


def narrow_ends() -> Ends:
    pipe = LocalPipe(LAYOUT, name="pipe", write_limit=3)
    return Ends(pipe, pipe)


async def made(make: Any) -> Ends:
    pair = make()
    ready: Ends = await pair if inspect.isawaitable(pair) else pair
    return ready


@pytest.fixture(params=[local_ends, stream_ends, descriptor_ends, socket_ends])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    pair = await made(request.param)
    yield pair
    await pair.writer.close()
    await pair.reader.close()


@pytest.fixture(params=[narrow_ends, descriptor_ends, socket_ends])
async def bounded_ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    """Ends between which there is only so much room."""
    pair = await made(request.param)
    yield pair
    await pair.reader.close()
    with suppress(PipeError, OSError):  # there may be rows that nobody reads now
        await pair.writer.close()


def rows(*timestamps: int) -> Any:
    """Rows whose values follow from their timestamps."""
    out = np.zeros(len(timestamps), dtype=compute_dtype(LAYOUT))
    out["timestamp"] = timestamps
    out["data"] = np.outer(timestamps, [1, -1])
    return out


def times(data: Any) -> list[int]:
    return [int(timestamp) for timestamp in data["timestamp"]]


async def is_waiting(task: asyncio.Future[Any]) -> bool:
    """Let everything run that can, and tell whether the task still waits."""
    for _ in range(20):
        await asyncio.sleep(0)
    return not task.done()


# ------------------------------------------------------------------ rows


async def test_rows_come_out_as_they_were_written(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2, 3))
    data = await ends.reader.read()
    np.testing.assert_array_equal(data, rows(1, 2, 3))
    assert data.dtype == ends.reader.dtype
    assert not ends.reader.end_of_interval


async def test_the_result_of_a_read_belongs_to_the_reader(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    data = await ends.reader.read()
    data["timestamp"] = 0
    data["data"] = 99
    ends.reader.reread_last()
    np.testing.assert_array_equal(await ends.reader.read(), rows(1, 2))


async def test_a_writer_may_change_its_array_after_the_write(ends: Ends) -> None:
    data = rows(1, 2)
    await ends.writer.write(data)
    data["timestamp"] = 0
    assert times(await ends.reader.read()) == [1, 2]


async def test_unconsumed_rows_come_again_before_new_ones(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2, 3))
    await ends.reader.read()
    ends.reader.consume(1)
    await ends.writer.write(rows(4))
    assert times(await ends.reader.read()) == [2, 3, 4]


async def test_a_read_waits_for_new_rows_even_if_old_ones_are_unconsumed(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    await ends.reader.read()
    task = asyncio.ensure_future(ends.reader.read())
    assert await is_waiting(task)
    await ends.writer.write(rows(2))
    assert times(await task) == [1, 2]


async def test_a_cancelled_read_loses_nothing(ends: Ends) -> None:
    task = asyncio.ensure_future(ends.reader.read())
    assert await is_waiting(task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ends.writer.write(rows(1))
    assert times(await ends.reader.read()) == [1]


async def test_flattened_rows_have_the_timestamp_in_column_0(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    data = await ends.reader.read(flatten=True)
    np.testing.assert_array_equal(data, [[1, 1, -1], [2, 2, -2]])
    assert data.dtype == np.float64


@pytest.mark.parametrize(
    "data",
    [
        np.array([[1, 10, 11], [2, 20, 21]]),
        np.array([[1, 10, 11], [2, 20, 21]], dtype=np.float64),
        [[1, 10, 11], [2, 20, 21]],
        [(1, 10.0, 11.0), (2, 20.0, 21.0)],
    ],
)
async def test_matrices_and_lists_may_be_written(ends: Ends, data: Any) -> None:
    await ends.writer.write(data)
    np.testing.assert_array_equal(await ends.reader.read(flatten=True), [[1, 10, 11], [2, 20, 21]])


async def test_a_flat_list_is_one_row(ends: Ends) -> None:
    await ends.writer.write([1_700_000_000_000_001, 10, 11])
    data = await ends.reader.read()
    assert times(data) == [1_700_000_000_000_001]
    np.testing.assert_array_equal(data["data"], [[10, 11]])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (5, "invalid data type must be a structured array or 2D matrix"),
        (None, "invalid data type must be a structured array or 2D matrix"),
        ("text", "invalid data type must be a structured array or 2D matrix"),
        (np.array([1.0, 2.0, 3.0]), "invalid data type must be a structured array or 2D matrix"),
        ([[1, 2, 3], [1, 2]], "invalid data type must be a structured array or 2D matrix"),
        ([["a", "b", "c"]], "invalid data type must be a structured array or 2D matrix"),
        (np.zeros((2, 2)), "wrong number of fields for this data type"),
        (np.zeros((2, 4)), "wrong number of fields for this data type"),
        (np.zeros((2, 3, 1)), "wrong number of dimensions in array"),
        (np.zeros(2, compute_dtype("float64_2")), r"wrong dtype for 1D \(structured\) array"),
        (np.zeros(2, compute_dtype("float32_1")), r"wrong dtype for 1D \(structured\) array"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_written(
    ends: Ends, data: Any, text: str
) -> None:
    with pytest.raises(PipeError, match=text):
        await ends.writer.write(data)
    await ends.writer.write(rows(7))
    assert times(await ends.reader.read()) == [7]


@pytest.mark.parametrize("data", [[], np.array([]), np.zeros((0, 2)), rows()])
async def test_a_write_without_rows_does_nothing(ends: Ends, data: Any) -> None:
    await ends.writer.write(data)
    await ends.writer.write(rows(1))
    assert times(await ends.reader.read()) == [1]


async def test_what_is_read_can_be_changed(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    data = await ends.reader.read()
    assert data.flags.writeable
    assert data.base is None or data.base.flags.owndata
    data["data"] *= 2
    np.testing.assert_array_equal(data["data"], rows(1, 2)["data"] * 2)


async def test_one_column_is_not_copied_to_all_elements(ends: Ends) -> None:
    for data in (np.array([[1, 10]]), [[1, 10]], [1, 10]):
        with pytest.raises(PipeError, match="wrong number of fields"):
            await ends.writer.write(data)


async def test_waiting_asks_no_clock(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    await ends.writer.write(rows(1))  # opens what is opened late
    ends.reader.consume(len(await ends.reader.read()))
    asked = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_at", lambda *args, **_: asked.append(args))
    monkeypatch.setattr(loop, "call_later", lambda *args, **_: asked.append(args))
    task = asyncio.ensure_future(ends.reader.read())
    assert await is_waiting(task)
    await ends.writer.write(rows(2))
    assert times(await task) == [2]
    assert asked == []


# ------------------------------------------------------------------ room


async def test_a_writer_waits_for_its_reader_and_nothing_is_lost(bounded_ends: Ends) -> None:
    block, blocks = 5000, 100
    written = 0

    async def write() -> None:
        nonlocal written
        for number in range(blocks):
            first = 1 + number * block
            await bounded_ends.writer.write(rows(*range(first, first + block)))
            if number % 10 == 9:
                await bounded_ends.writer.close_interval()
            written += 1
        await bounded_ends.writer.close()

    writing = asyncio.ensure_future(write())
    before = -1
    while written > before:
        before = written
        assert await is_waiting(writing)
    assert written < blocks / 2
    seen, breaks = [], 0
    while await bounded_ends.reader.not_empty():
        data = await bounded_ends.reader.read()
        seen += times(data)
        bounded_ends.reader.consume(len(data))
        breaks += bounded_ends.reader.end_of_interval
    await writing
    assert seen == list(range(1, 1 + block * blocks))
    assert breaks >= blocks / 10 - 1


async def test_who_does_not_read_holds_back_the_whole_chain(bounded_ends: Ends) -> None:
    first = LocalPipe(LAYOUT, write_limit=2)
    taken = 0

    async def source() -> None:
        nonlocal taken
        for number in range(1000):
            await first.write(rows(*range(1 + number * 5000, 5001 + number * 5000)))
            taken += 1

    async def passing() -> None:
        while await first.not_empty():
            data = await first.read()
            first.consume(len(data))
            await bounded_ends.writer.write(data)

    tasks = [asyncio.ensure_future(part()) for part in (source, passing)]
    before = -1
    while taken > before:
        before = taken
        assert await is_waiting(tasks[0])
    assert taken < 500
    bounded_ends.reader.consume(len(await bounded_ends.reader.read()))
    while taken == before:
        assert await is_waiting(tasks[0])
        bounded_ends.reader.consume(len(await bounded_ends.reader.read()))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ------------------------------------------------------------------ breaks


async def test_a_read_stops_at_a_break(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    await ends.writer.close_interval()
    await ends.writer.write(rows(3))
    assert times(await ends.reader.read()) == [1, 2]
    assert ends.reader.end_of_interval


async def test_rows_behind_a_break_are_delivered_at_once(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    await ends.writer.close_interval()
    await ends.writer.write(rows(2))
    ends.reader.consume(len(await ends.reader.read()))
    data = await asyncio.wait_for(ends.reader.read(), 1)
    assert times(data) == [2]
    assert not ends.reader.end_of_interval


async def test_unconsumed_rows_of_the_old_interval_come_again_in_front(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    await ends.writer.close_interval()
    await ends.writer.write(rows(3))
    await ends.reader.read()
    ends.reader.consume(1)
    assert times(await ends.reader.read()) == [2, 3]
    assert not ends.reader.end_of_interval


async def test_a_break_with_nothing_before_it_gives_no_rows(ends: Ends) -> None:
    await ends.writer.close_interval()
    assert times(await ends.reader.read()) == []
    assert ends.reader.end_of_interval


async def test_every_break_is_told(ends: Ends) -> None:
    await ends.writer.close_interval()
    await ends.writer.write(rows(1))
    await ends.writer.close_interval()
    await ends.writer.close_interval()
    await ends.writer.write(rows(2))
    seen = []
    for _ in range(4):
        data = await asyncio.wait_for(ends.reader.read(), 1)
        ends.reader.consume(len(data))
        seen.append((times(data), ends.reader.end_of_interval))
    assert seen == [([], True), ([1], True), ([], True), ([2], False)]


async def test_a_break_wakes_a_waiting_reader(ends: Ends) -> None:
    task = asyncio.ensure_future(ends.reader.read())
    assert await is_waiting(task)
    await ends.writer.close_interval()
    assert times(await task) == []
    assert ends.reader.end_of_interval


async def test_a_break_without_waiting_arrives_too(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    ends.writer.close_interval_nowait()
    data = await ends.reader.read()
    if not ends.reader.end_of_interval:
        ends.reader.consume(len(data))
        await ends.reader.read()
    assert ends.reader.end_of_interval


# ------------------------------------------------------------------ the cache


async def test_a_cache_holds_rows_back_until_there_are_enough(ends: Ends) -> None:
    ends.writer.enable_cache(3)
    await ends.writer.write(rows(1))
    await ends.writer.write(rows(2))
    task = asyncio.ensure_future(ends.reader.read())
    assert await is_waiting(task)
    await ends.writer.write(rows(3, 4))
    assert times(await task) == [1, 2, 3, 4]


async def test_flushing_sends_what_is_held_back(ends: Ends) -> None:
    ends.writer.enable_cache(10)
    await ends.writer.write(rows(1))
    await ends.writer.flush_cache()
    assert times(await ends.reader.read()) == [1]


@pytest.mark.parametrize("wait", [True, False])
async def test_a_break_keeps_its_place_among_cached_rows(ends: Ends, wait: bool) -> None:
    ends.writer.enable_cache(10)
    await ends.writer.write(rows(1))
    if wait:
        await ends.writer.close_interval()
    else:
        ends.writer.close_interval_nowait()
    await ends.writer.write(rows(2))
    await ends.writer.close()
    assert times(await ends.reader.read()) == [1]
    assert ends.reader.end_of_interval
    ends.reader.consume_all()
    assert times(await ends.reader.read()) == [2]


async def test_cached_rows_are_those_at_the_time_of_the_write(ends: Ends) -> None:
    ends.writer.enable_cache(10)
    data = rows(1)
    await ends.writer.write(data)
    data["timestamp"] = 5
    await ends.writer.close()
    assert times(await ends.reader.read()) == [1]


# ------------------------------------------------------------------ looking ahead, reading again


async def test_looking_ahead_does_not_take_rows(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    assert await ends.reader.not_empty()
    await ends.writer.write(rows(2))
    assert await ends.reader.not_empty()
    assert times(await ends.reader.read()) == [1]
    ends.reader.consume(1)
    assert times(await ends.reader.read()) == [2]


async def test_end_of_interval_belongs_to_the_rows_looked_at(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    await ends.writer.close_interval()
    await ends.reader.not_empty()
    assert ends.reader.end_of_interval
    await ends.reader.read()
    assert ends.reader.end_of_interval


async def test_a_pipe_is_empty_once_it_has_ended_and_all_is_consumed(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    await ends.writer.close()
    assert not await ends.reader.is_empty()
    await ends.reader.read()
    assert await ends.reader.not_empty()
    ends.reader.consume(1)
    assert await ends.reader.is_empty()


async def test_the_usual_loop_sees_all_rows_and_breaks(ends: Ends) -> None:
    for start in (0, 10, 20):
        for timestamp in range(start + 1, start + 5):
            await ends.writer.write(rows(timestamp))
        await ends.writer.close_interval()
    await ends.writer.write(rows(31))
    await ends.writer.close()
    intervals: list[list[int]] = [[]]
    while await ends.reader.not_empty():
        data = await ends.reader.read()
        intervals[-1] += times(data)
        ends.reader.consume(len(data))
        if ends.reader.end_of_interval:
            intervals.append([])
    assert intervals == [[1, 2, 3, 4], [11, 12, 13, 14], [21, 22, 23, 24], [31]]


async def test_rereading_gives_the_unconsumed_rows_and_keeps_the_flag(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    await ends.writer.close_interval()
    await ends.writer.write(rows(3))
    await ends.reader.read()
    ends.reader.consume(1)
    ends.reader.reread_last()
    assert times(await ends.reader.read()) == [2]
    assert ends.reader.end_of_interval


async def test_consuming_is_checked(ends: Ends) -> None:
    with pytest.raises(PipeError, match="cannot consume 1 rows: only 0 available"):
        ends.reader.consume(1)
    await ends.writer.write(rows(1, 2))
    await ends.reader.read()
    with pytest.raises(PipeError, match="cannot consume 3 rows: only 2 available"):
        ends.reader.consume(3)
    with pytest.raises(PipeError, match="consume called with negative offset: -1"):
        ends.reader.consume(-1)
    ends.reader.consume(0)
    ends.reader.consume_all()
    await ends.writer.write(rows(3))
    assert times(await ends.reader.read()) == [3]


# ------------------------------------------------------------------ the end


async def test_rows_outlive_the_writer(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    await ends.writer.close()
    assert times(await ends.reader.read()) == [1, 2]
    ends.reader.consume(1)
    assert times(await ends.reader.read()) == [2]
    assert times(await ends.reader.read()) == [2]
    ends.reader.consume(1)
    with pytest.raises(EmptyPipeError):
        await ends.reader.read()


async def test_the_end_is_both_a_pipe_error_and_an_api_error(ends: Ends) -> None:
    await ends.writer.close()
    with pytest.raises(PipeError):
        await ends.reader.read()
    with pytest.raises(ApiError):
        await ends.reader.read()


async def test_closing_wakes_a_waiting_reader(ends: Ends) -> None:
    task = asyncio.ensure_future(ends.reader.read())
    assert await is_waiting(task)
    await ends.writer.close()
    with pytest.raises(EmptyPipeError):
        await task


async def test_nothing_is_written_to_a_closed_pipe(ends: Ends) -> None:
    await ends.writer.close()
    await ends.writer.close()
    with pytest.raises(PipeError, match="Cannot write to a closed pipe"):
        await ends.writer.write(rows(1))
    with pytest.raises(PipeError, match="Cannot write to a closed pipe"):
        await ends.writer.close_interval()


async def test_reading_all_ignores_intervals_and_closes(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    await ends.writer.close_interval()
    await ends.writer.write(rows(3))
    await ends.writer.close()
    assert times(await ends.reader.read_all()) == [1, 2, 3]
    assert ends.reader.closed
    assert not ends.reader.end_of_interval


async def test_reading_all_is_bounded(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2, 3))
    assert times(await ends.reader.read_all(maxrows=2)) == [1, 2]
    assert ends.reader.closed


async def test_reading_all_can_fail_on_too_much(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2, 3))
    with pytest.raises(PipeError, match=r"More than \[2\] rows"):
        await ends.reader.read_all(maxrows=2, error_on_overflow=True)


async def test_reading_all_of_exactly_the_bound_is_fine(ends: Ends) -> None:
    await ends.writer.write(rows(1, 2))
    await ends.writer.close()
    assert times(await ends.reader.read_all(maxrows=2, error_on_overflow=True)) == [1, 2]


async def test_reading_all_of_nothing_is_an_error(ends: Ends) -> None:
    await ends.writer.close_interval()
    await ends.writer.close()
    with pytest.raises(PipeError, match="No data in pipe"):
        await ends.reader.read_all()


async def test_reading_all_flattened_gives_a_matrix(ends: Ends) -> None:
    await ends.writer.write(rows(1))
    await ends.writer.write(rows(2))
    await ends.writer.close()
    np.testing.assert_array_equal(
        await ends.reader.read_all(flatten=True), [[1, 1, -1], [2, 2, -2]]
    )


@pytest.mark.parametrize("side", ["reader", "writer"])
async def test_a_failed_pipe_says_so_and_why(ends: Ends, side: str) -> None:
    pipe: Pipe = getattr(ends, side)
    cause = OSError("the cable is cut")
    pipe.fail(cause)
    action = pipe.read() if side == "reader" else pipe.write(rows(1))
    with pytest.raises(PipeError, match="pipe failed") as caught:
        await action
    assert caught.value.__cause__ is cause


# ------------------------------------------------------------------ subscribers


async def test_subscribers_get_rows_and_breaks(ends: Ends) -> None:
    listener = LocalPipe(LAYOUT)
    ends.writer.subscribe(listener)
    await ends.writer.write(rows(1))
    await ends.writer.close_interval()
    await ends.writer.write(rows(2))
    assert times(await listener.read()) == [1]
    assert listener.end_of_interval
    listener.consume_all()
    assert times(await listener.read()) == [2]
    assert times(await ends.reader.read()) == [1]


async def test_unsubscribing_ends_it(ends: Ends) -> None:
    listener = LocalPipe(LAYOUT)
    unsubscribe = ends.writer.subscribe(listener)
    assert ends.writer.subscribers == [listener]
    await ends.writer.write(rows(1))
    unsubscribe()
    unsubscribe()
    await ends.writer.write(rows(2))
    assert times(await listener.read()) == [1]
    assert ends.writer.subscribers == []


async def test_closing_closes_subscribers(ends: Ends) -> None:
    listener = LocalPipe(LAYOUT)
    ends.writer.subscribe(listener)
    await ends.writer.close()
    assert listener.closed


async def test_a_closed_subscriber_does_not_disturb(ends: Ends) -> None:
    listener = LocalPipe(LAYOUT)
    ends.writer.subscribe(listener)
    await listener.close()
    await ends.writer.write(rows(1))
    assert times(await ends.reader.read()) == [1]


async def test_a_subscriber_of_another_layout_is_refused(ends: Ends) -> None:
    with pytest.raises(PipeError, match="float32_2 cannot feed one of float32_3"):
        ends.writer.subscribe(LocalPipe("float32_3"))
