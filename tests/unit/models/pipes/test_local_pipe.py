"""What only a local pipe does: limits, and working without waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from joule.errors import EmptyPipeError, PipeError
from joule.models.pipes import LocalPipe, OutputPipe, Pipe, compute_dtype
from joule.models.streams import DataStream, Element

LAYOUT = "int32_1"


def rows(*timestamps: int) -> Any:
    out = np.zeros(len(timestamps), dtype=compute_dtype(LAYOUT))
    out["timestamp"] = timestamps
    return out


def times(data: Any) -> list[int]:
    return [int(timestamp) for timestamp in data["timestamp"]]


async def waits(task: asyncio.Future[Any]) -> bool:
    for _ in range(10):
        await asyncio.sleep(0)
    return not task.done()


def test_it_tells_what_it_is() -> None:
    pipe = LocalPipe("float32_3", name="p")
    assert repr(pipe) == "<joule.models.Pipe name='p' direction='TWOWAY' layout='float32_3'>"
    assert pipe.direction is Pipe.DIRECTION.TWOWAY
    assert (pipe.width, pipe.dtype) == (3, compute_dtype("float32_3"))
    assert (pipe.decimation_level, pipe.decimated, pipe.closed, pipe.failed) == (
        1,
        False,
        False,
        False,
    )


def test_the_layout_is_that_of_the_stream_unless_it_has_its_own() -> None:
    stream = DataStream(datatype="int16", elements=[Element("a"), Element("b")])
    assert LocalPipe(stream=stream).layout == "int16_2"
    assert LocalPipe("float32_6", stream=stream).layout == "float32_6"
    with pytest.raises(ValueError, match="pipe has no layout"):
        _ = LocalPipe().layout


async def test_a_write_waits_while_the_limit_of_unread_writes_is_reached() -> None:
    pipe = LocalPipe(LAYOUT, write_limit=2)
    await pipe.write(rows(1))
    await pipe.write(rows(2))
    task = asyncio.ensure_future(pipe.write(rows(3)))
    assert await waits(task)
    assert times(await pipe.read()) == [1, 2]
    await task
    assert times(await pipe.read()) == [1, 2, 3]


async def test_a_break_counts_as_a_write() -> None:
    pipe = LocalPipe(LAYOUT, write_limit=1)
    await pipe.write(rows(1))
    task = asyncio.ensure_future(pipe.close_interval())
    assert await waits(task)
    await pipe.read()
    await task
    assert times(await pipe.read()) == [1]
    assert pipe.end_of_interval


async def test_reading_up_to_a_break_makes_room_for_what_was_read_only() -> None:
    pipe = LocalPipe(LAYOUT, write_limit=3)
    await pipe.write(rows(1))
    await pipe.close_interval()
    await pipe.write(rows(2))
    await pipe.read()
    await pipe.write(rows(3))
    await pipe.write(rows(4))
    task = asyncio.ensure_future(pipe.write(rows(5)))
    assert await waits(task)
    pipe.consume_all()
    assert times(await pipe.read()) == [2, 3, 4]
    await task


async def test_a_cancelled_write_has_written_nothing() -> None:
    pipe = LocalPipe(LAYOUT, write_limit=1)
    pipe.enable_cache(2)
    await pipe.write(rows(1, 2))
    await pipe.write(rows(3))
    task = asyncio.ensure_future(pipe.flush_cache())
    assert await waits(task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert times(await pipe.read()) == [1, 2]
    await pipe.flush_cache()
    pipe.consume_all()
    assert times(await pipe.read()) == [3]


async def test_closing_frees_a_writer_that_waits() -> None:
    pipe = LocalPipe(LAYOUT, write_limit=1)
    await pipe.write(rows(1))
    task = asyncio.ensure_future(pipe.write(rows(2)))
    assert await waits(task)
    await pipe.close()
    with pytest.raises(PipeError, match="Cannot write to a closed pipe"):
        await task


async def test_failing_wakes_a_reader_that_waits() -> None:
    pipe = LocalPipe(LAYOUT)
    task = asyncio.ensure_future(pipe.read())
    assert await waits(task)
    pipe.fail()
    with pytest.raises(PipeError, match="pipe failed"):
        await task


async def test_a_write_to_a_failed_pipe_closes_it() -> None:
    pipe = LocalPipe(LAYOUT)
    pipe.fail()
    with pytest.raises(PipeError, match="pipe failed"):
        await pipe.write(rows(1))
    assert pipe.closed


async def test_a_break_before_the_end_is_told_with_rows_only() -> None:
    pipe = LocalPipe(LAYOUT)
    await pipe.write(rows(1))
    await pipe.read()
    await pipe.close_interval()
    await pipe.close()
    assert times(await pipe.read()) == [1]
    assert pipe.end_of_interval
    pipe.consume_all()
    with pytest.raises(EmptyPipeError):
        await pipe.read()
    lonely = LocalPipe(LAYOUT)
    await lonely.close_interval()
    await lonely.close()
    with pytest.raises(EmptyPipeError):
        await lonely.read()


async def test_without_waiting_it_gives_what_there_is() -> None:
    pipe, listener = LocalPipe(LAYOUT), LocalPipe(LAYOUT)
    pipe.subscribe(listener)
    assert times(pipe.read_nowait()) == []
    pipe.write_nowait(rows(1))
    pipe.write_nowait([[2, 20]])
    assert times(pipe.read_nowait()) == [1, 2]
    pipe.consume(1)
    np.testing.assert_array_equal(pipe.read_nowait(flatten=True), [[2, 20]])
    assert times(listener.read_nowait()) == [1, 2]


async def test_closing_without_waiting_is_refused_when_there_is_something_to_wait_for() -> None:
    called: list[int] = []

    async def callback() -> None:
        called.append(1)

    pipe = LocalPipe(LAYOUT, close_cb=callback)
    unsubscribe = pipe.subscribe(LocalPipe(LAYOUT))
    with pytest.raises(PipeError, match="cannot close_nowait subscribers, use async"):
        pipe.close_nowait()
    unsubscribe()
    with pytest.raises(PipeError, match="close_cb cannot be executed, use async"):
        pipe.close_nowait()
    await pipe.close()
    await pipe.close()
    assert called == [1]
    plain = LocalPipe(LAYOUT)
    plain.close_nowait()
    assert plain.closed


async def test_write_nowait_needs_local_subscribers() -> None:
    pipe = LocalPipe(LAYOUT)
    pipe.subscribe(OutputPipe(layout=LAYOUT))
    with pytest.raises(PipeError, match="use async"):
        pipe.write_nowait(rows(1))


async def test_changing_the_layout_empties_the_pipe() -> None:
    pipe = LocalPipe(LAYOUT)
    await pipe.write(rows(1))
    await pipe.close_interval()
    pipe.change_layout("int32_2")
    assert pipe.width == 2
    await pipe.write([[2, 0, 0]])
    assert times(await pipe.read()) == [2]
    assert not pipe.end_of_interval


async def test_integers_are_exact_and_flatten_to_integers() -> None:
    pipe = LocalPipe("int64_1")
    big = 2**62 + 1
    await pipe.write([[big, big - 2]])
    data = await pipe.read(flatten=True)
    assert data.dtype == np.int64
    assert data.tolist() == [[big, big - 2]]


async def test_the_abstract_pipe_does_nothing() -> None:
    pipe = Pipe(layout=LAYOUT)
    for action in (pipe.read, pipe.not_empty, pipe.read_all, pipe.close_interval):
        with pytest.raises(PipeError, match="abstract method must be implemented by child"):
            await action()


async def test_leaving_a_with_block_closes() -> None:
    async with LocalPipe(LAYOUT) as pipe:
        pass
    assert pipe.closed


async def test_a_cache_in_use_keeps_its_size() -> None:
    pipe = LocalPipe(LAYOUT)
    with pytest.raises(PipeError, match="at least 1 row"):
        pipe.enable_cache(0)
    pipe.enable_cache(5)
    await pipe.write(rows(1))
    with pytest.raises(PipeError, match="in use"):
        pipe.enable_cache(3)
