from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from joule.supervisor.pipes import PIPE_BYTES_MAX, OsPipe, PipeSink, PipeSource, pipe_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[OsPipe]:
    pipe = OsPipe.open()
    yield pipe
    pipe.close()


def test_a_few_pipes_are_large_and_many_share_the_budget() -> None:
    assert pipe_bytes(1) == PIPE_BYTES_MAX
    assert pipe_bytes(100) == 256 * 1024
    assert pipe_bytes(100_000) == 64 * 1024


def test_no_child_inherits_a_pipe_by_itself() -> None:
    pipe = OsPipe.open()
    try:
        assert not os.get_inheritable(pipe.read_fd)
        assert not os.get_inheritable(pipe.write_fd)
    finally:
        pipe.close()


async def test_a_read_waits_for_bytes_and_ends_with_the_writer(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSource(pipe.take_read())) as source:
        task = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        os.write(pipe.write_fd, b"abc")
        assert await task == b"abc"
        pipe.close()
        assert await source.read() == b""


async def test_after_finish_what_is_in_the_pipe_is_all(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSource(pipe.take_read())) as source:
        os.write(pipe.write_fd, b"last")
        source.finish()
        assert await source.read() == b"last"
        assert await source.read() == b""


async def test_finish_wakes_a_waiting_read(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSource(pipe.take_read())) as source:
        task = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        source.finish()
        assert await task == b""


async def test_a_cancelled_read_takes_nothing(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSource(pipe.take_read())) as source:
        task = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        os.write(pipe.write_fd, b"abc")
        await asyncio.sleep(0)  # the loop has seen the bytes, the task has not
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await source.read() == b"abc"


async def test_nothing_is_taken_while_nobody_reads_and_the_loop_rests(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSource(pipe.take_read())) as source:
        os.write(pipe.write_fd, b"first")
        assert await source.read() == b"first"
        os.write(pipe.write_fd, b"second")
        for _ in range(3):
            await asyncio.sleep(0)
        watched = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]
        assert source._fd not in watched
        assert await source.read() == b"second"


async def test_a_fast_writer_lets_other_tasks_run(pipe: OsPipe) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    with contextlib.closing(PipeSource(pipe.take_read())) as source:
        other = asyncio.create_task(count())
        for number in range(1, 11):
            os.write(pipe.write_fd, b"x")
            assert await source.read() == b"x"
            assert turns >= number
        other.cancel()
        await asyncio.wait([other])


async def test_a_full_pipe_holds_the_writer_back_until_somebody_reads(pipe: OsPipe) -> None:
    data = memoryview(bytes(10 * PIPE_BYTES_MAX))
    with contextlib.closing(PipeSink(pipe.take_write())) as sink:
        written = await sink.write(data)
        assert 0 < written < len(data)
        task = asyncio.create_task(sink.write(data))
        await asyncio.sleep(0)
        assert not task.done()
        os.read(pipe.read_fd, written)
        assert await task > 0


async def test_a_cancelled_write_has_written_nothing(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSink(pipe.take_write())) as sink:
        written = await sink.write(memoryview(bytes(10 * PIPE_BYTES_MAX)))
        task = asyncio.create_task(sink.write(memoryview(b"x")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        os.set_blocking(pipe.read_fd, False)
        got = 0
        with contextlib.suppress(BlockingIOError):
            while data := os.read(pipe.read_fd, PIPE_BYTES_MAX):
                got += len(data)
        assert got == written


async def test_writing_to_nobody_is_a_broken_pipe(pipe: OsPipe) -> None:
    with contextlib.closing(PipeSink(pipe.take_write())) as sink:
        pipe.close()
        with pytest.raises(BrokenPipeError):
            await sink.write(memoryview(b"x"))
