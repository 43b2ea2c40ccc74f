from __future__ import annotations

import asyncio
import contextlib
import os
import random
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.config.pipe_spec import PipeSpec
from joule.errors import StorageDamagedError
from joule.models.layout import Layout, Rows
from joule.supervisor.flows import InputFlow
from joule.supervisor.log import ModuleLog
from joule.supervisor.pipes import OsPipe, PipeSink
from tests.unit.supervisor.conftest import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.node import Cursor, Writer
    from tests.unit.supervisor.conftest import Bench

LAYOUT = Layout("int32", 1)  # 12 bytes a row: no pipe holds a whole number of them


def make_rows(first: int, count: int) -> Rows:
    rows = np.zeros(count, LAYOUT.dtype)
    rows["timestamp"] = np.arange(first, first + count)
    return rows


async def produced(bench: Bench) -> tuple[InputFlow, Writer, ModuleLog]:
    stream = await bench.node.catalog.ensure_data_stream(PipeSpec.parse("/a/b:int32[x]"))
    writer = await bench.node.data.open_writer(stream)
    log = ModuleLog(10)
    follow = partial(bench.node.data.subscribe, stream, is_lasting=True)
    flow = InputFlow("/a/b", stream.rows_layout, stream.id, follow, log)
    flow.subscribe()
    return flow, writer, log


@contextlib.contextmanager
def sink_and_pipe() -> Iterator[tuple[PipeSink, OsPipe]]:
    pipe = OsPipe.open()
    sink = PipeSink(pipe.take_write())
    yield sink, pipe
    sink.close()
    pipe.close()


async def end(pump: asyncio.Task[None]) -> None:
    pump.cancel()
    await asyncio.wait([pump])


async def received(fd: int, size: int) -> bytes:
    """Wait for so many bytes and take no more."""
    data = b""
    os.set_blocking(fd, False)
    while len(data) < size:
        with contextlib.suppress(BlockingIOError):
            data += os.read(fd, size - len(data))
        await asyncio.sleep(0)
    return data


@pytest.mark.parametrize("taken", [0, 1, 12, 30_000, 30_011, 65_536, 100_001, 119_999])
async def test_what_a_process_has_not_taken_wholly_goes_to_the_next_one(
    bench: Bench, taken: int
) -> None:
    flow, writer, _ = await produced(bench)
    count = 10_000
    for first in range(1, count, 1000):
        await writer.write(make_rows(first, 1000))
    with sink_and_pipe() as (sink, pipe):
        pump = asyncio.create_task(flow.pump(sink))
        await received(pipe.read_fd, taken)
        await asyncio.sleep(0.01)
        await end(pump)
    whole = taken // LAYOUT.row_bytes
    with sink_and_pipe() as (sink, pipe):
        pump = asyncio.create_task(flow.pump(sink))
        rest = await received(pipe.read_fd, (count - whole) * LAYOUT.row_bytes)
        await end(pump)
    assert LAYOUT.view(rest)["timestamp"].tolist() == list(range(whole + 1, count + 1))
    await flow.close()
    await writer.close()


async def test_breaks_are_given_again_too(bench: Bench) -> None:
    flow, writer, _ = await produced(bench)
    await writer.write(make_rows(1, 1))
    await writer.end_interval()
    await writer.write(make_rows(2, 1))
    with sink_and_pipe() as (sink, pipe):
        pump = asyncio.create_task(flow.pump(sink))
        await until(lambda: sink.unread() == 36)
        await end(pump)
    with sink_and_pipe() as (sink, pipe):
        pump = asyncio.create_task(flow.pump(sink))
        stamps = LAYOUT.view(await received(pipe.read_fd, 36))["timestamp"]
        assert stamps.tolist() == [1, 0, 2]
        await end(pump)
    await flow.close()
    await writer.close()


async def test_many_processes_in_turn_get_every_row_once(bench: Bench) -> None:
    chance = random.Random(11)
    flow, writer, _ = await produced(bench)
    count, got = 60_000, b""
    for first in range(1, count, 3000):
        await writer.write(make_rows(first, 3000))
    while len(got) < count * LAYOUT.row_bytes:
        with sink_and_pipe() as (sink, pipe):
            pump = asyncio.create_task(flow.pump(sink))
            left = count * LAYOUT.row_bytes - len(got)
            piece = await received(pipe.read_fd, min(chance.randint(1, 150_000), left))
            await end(pump)
        got += piece[: len(piece) // LAYOUT.row_bytes * LAYOUT.row_bytes]
    assert LAYOUT.view(got)["timestamp"].tolist() == list(range(1, count + 1))
    await flow.close()
    await writer.close()


async def test_an_input_outlasts_its_producer_and_goes_on_with_the_next(bench: Bench) -> None:
    flow, writer, _ = await produced(bench)
    await writer.write(make_rows(1, 2))
    await writer.close()
    with sink_and_pipe() as (sink, pipe):
        pump = asyncio.create_task(flow.pump(sink))
        await received(pipe.read_fd, 24)
        writer = await bench.node.data.open_writer(bench.stream("/a/b"))
        await writer.write(make_rows(3, 2))
        stamps = LAYOUT.view(await received(pipe.read_fd, 36))["timestamp"]
        assert stamps.tolist() == [0, 3, 4]
        await end(pump)
    await flow.close()
    await writer.close()


async def test_a_process_that_closes_its_input_is_left_alone(bench: Bench) -> None:
    flow, writer, log = await produced(bench)
    await writer.write(make_rows(1, 3))
    with sink_and_pipe() as (sink, pipe):
        pipe.close_read()
        await flow.pump(sink)
    assert log.lines == []
    await flow.close()
    await writer.close()


async def test_an_input_that_cannot_be_read_is_reported_and_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, writer, log = await produced(bench)

    async def damaged(_: Cursor) -> None:
        raise StorageDamagedError("chunk 7 is damaged")

    monkeypatch.setattr("joule.node.cursor.Cursor.__anext__", damaged)
    with sink_and_pipe() as (sink, pipe):
        await flow.pump(sink)
        assert os.read(pipe.read_fd, 10) == b""
    assert "ERROR: input [/a/b] cannot be read: chunk 7 is damaged" in log.lines[0]
    await writer.close()
