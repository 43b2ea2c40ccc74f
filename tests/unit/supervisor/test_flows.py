from __future__ import annotations

import asyncio
import contextlib
import os
import select
from typing import TYPE_CHECKING

import numpy as np

from joule.config.pipe_spec import PipeSpec
from joule.errors import StorageDamagedError
from joule.models.layout import Layout, Rows
from joule.supervisor.flows import InputFlow
from joule.supervisor.log import ModuleLog
from joule.supervisor.pipes import OsPipe, PipeSink
from tests.unit.supervisor.conftest import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

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
    flow = InputFlow("/a/b", stream, bench.node.data, log)
    flow.subscribe()
    return flow, writer, log


def take(fd: int) -> bytes:
    """Everything that is in a pipe."""
    os.set_blocking(fd, False)
    data = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(fd, 1 << 20):
            data += piece
    return data


@contextlib.contextmanager
def sink_and_pipe() -> Iterator[tuple[PipeSink, OsPipe]]:
    pipe = OsPipe.open()
    sink = PipeSink(pipe.take_write())
    yield sink, pipe
    sink.close()
    pipe.close()


async def test_a_new_process_goes_on_at_a_whole_row(bench: Bench) -> None:
    flow, writer, _ = await produced(bench)
    await writer.write(make_rows(1, 10_000))
    with sink_and_pipe() as (sink, pipe):
        pump = asyncio.create_task(flow.pump(sink))
        await until(lambda: select.select([pipe.read_fd], [], [], 0)[0])
        pump.cancel()
        await asyncio.wait([pump])
        first = take(pipe.read_fd)
    assert len(first) % LAYOUT.row_bytes, "the first process got the beginning of a row"
    with sink_and_pipe() as (sink, pipe):
        second = b""
        pump = asyncio.create_task(flow.pump(sink))
        while len(second) < (10_000 - 1 - len(first) // LAYOUT.row_bytes) * LAYOUT.row_bytes:
            second += take(pipe.read_fd)
            await asyncio.sleep(0)
        await writer.close()
        await pump
    whole = len(first) // LAYOUT.row_bytes
    torn = whole + 1  # the one row that neither process got whole
    assert LAYOUT.view(second)["timestamp"].tolist() == list(range(torn + 1, 10_001))


async def test_the_pipe_ends_when_the_producer_does(bench: Bench) -> None:
    flow, writer, _ = await produced(bench)
    await writer.write(make_rows(1, 3))
    with sink_and_pipe() as (sink, pipe):
        await writer.close()
        await flow.pump(sink)
        assert os.read(pipe.read_fd, 1000) == make_rows(1, 3).tobytes()
        assert os.read(pipe.read_fd, 1000) == b""


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
