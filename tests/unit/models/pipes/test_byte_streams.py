"""Reading and writing the descriptors of OS pipes."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from joule.errors import PipeError
from joule.models.pipes import DescriptorReader, DescriptorWriter


async def waits(task: asyncio.Future[Any]) -> bool:
    for _ in range(20):
        await asyncio.sleep(0)
    return not task.done()


def ends() -> tuple[DescriptorReader, DescriptorWriter]:
    read_end, write_end = os.pipe()
    return DescriptorReader(read_end), DescriptorWriter(write_end)


async def test_a_write_larger_than_the_pipe_waits_for_the_reader() -> None:
    reader, writer = ends()
    data = os.urandom(1 << 20)
    writer.write(data[:1000])
    writer.write(data[1000:])
    task = asyncio.ensure_future(writer.drain())
    assert await waits(task)
    out = bytearray()
    while len(out) < len(data):
        out += await reader.read(1 << 16)
    await task
    assert bytes(out) == data
    writer.close()
    await writer.wait_closed()
    assert await reader.read(1) == b""
    reader.close()


async def test_parts_of_a_module_may_write_to_the_same_pipe() -> None:
    reader, writer = ends()
    pieces = [bytes([number]) * 300_000 for number in range(3)]

    async def write(piece: bytes) -> None:
        writer.write(piece)
        await writer.drain()

    tasks = [asyncio.ensure_future(write(piece)) for piece in pieces]
    assert await waits(asyncio.gather(*tasks))
    out = bytearray()
    while len(out) < 900_000:
        out += await reader.read(1 << 16)
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
    assert bytes(out) == b"".join(pieces)
    writer.close()
    reader.close()


async def test_closing_wakes_all_who_wait_to_write() -> None:
    reader, writer = ends()
    writer.write(bytes(1 << 20))
    tasks = [asyncio.ensure_future(writer.drain()) for _ in range(2)]
    assert await waits(asyncio.gather(*tasks, return_exceptions=True))
    writer.close()
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["Cannot write to a closed pipe"] * 2
    reader.close()


async def test_cancelling_a_drain_keeps_the_rest() -> None:
    reader, writer = ends()
    data = os.urandom(200_000)
    writer.write(data)
    task = asyncio.ensure_future(writer.drain())
    assert await waits(task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    out = bytearray(await reader.read(1 << 20))
    task = asyncio.ensure_future(writer.drain())
    while len(out) < len(data):
        out += await reader.read(1 << 16)
    await task
    assert bytes(out) == data
    writer.close()
    reader.close()


async def test_a_reader_that_is_gone_is_a_pipe_error() -> None:
    reader, writer = ends()
    reader.close()
    with pytest.raises(PipeError, match="reader of this pipe is gone"):
        writer.write(b"x")
    writer.close()


async def test_a_reader_that_goes_away_wakes_the_writer() -> None:
    reader, writer = ends()
    writer.write(bytes(1 << 20))
    task = asyncio.ensure_future(writer.drain())
    assert await waits(task)
    reader.close()
    with pytest.raises(PipeError, match="reader of this pipe is gone"):
        await task
    writer.close()


async def test_closing_wakes_whoever_waits() -> None:
    reader, writer = ends()
    reading = asyncio.ensure_future(reader.read(10))
    writer.write(bytes(1 << 20))
    assert await reading
    draining = asyncio.ensure_future(writer.drain())
    assert await waits(draining)
    writer.close()
    with pytest.raises(PipeError, match="closed pipe"):
        await draining
    while await reader.read(1 << 20):
        pass
    reader.close()
    reader.close()
    assert await reader.read(1) == b""


async def test_closing_a_reader_ends_a_read_that_waits() -> None:
    reader, writer = ends()
    task = asyncio.ensure_future(reader.read(10))
    assert await waits(task)
    reader.close()
    assert await task == b""
    writer.close()


async def test_ending_when_idle_gives_what_has_arrived_first() -> None:
    reader, writer = ends()
    writer.write(b"abc")
    reader.end_when_idle()
    assert await reader.read(2) == b"ab"
    assert await reader.read(2) == b"c"
    assert await reader.read(2) == b""
    reader.close()
    writer.close()


async def test_ending_when_idle_wakes_a_read_that_waits() -> None:
    reader, writer = ends()
    task = asyncio.ensure_future(reader.read(2))
    assert await waits(task)
    reader.end_when_idle()
    assert await task == b""
    reader.close()
    writer.close()


async def test_a_writer_that_is_always_ahead_leaves_time_for_others() -> None:
    reader, writer = ends()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    for _ in range(10):
        writer.write(b"x")
        await reader.read(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert turns >= 10
    writer.close()
    reader.close()


async def test_a_descriptor_number_can_be_used_again_after_closing_it_while_waiting() -> None:
    for _ in range(2):
        reader, writer = ends()
        task = asyncio.ensure_future(reader.read(10))
        assert await waits(task)
        reader.close()
        writer.close()
        assert await task == b""


async def test_a_reader_can_wait_for_the_first_bytes_without_taking_them() -> None:
    reader, writer = ends()
    task = asyncio.ensure_future(reader.ready())
    assert await waits(task)
    writer.write(b"x")
    await task
    assert await reader.read(10) == b"x"
    reader.close()
    writer.close()
