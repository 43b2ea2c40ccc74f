"""Modules that read and write streams of another node, which comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest

from joule.config.pipe_spec import PipeSpec
from joule.errors import StreamNotFound
from joule.node.remote import Patience, RemoteStreams
from joule.server.identity import identify
from joule.testing.node import RunningNode, running_node
from tests.unit.supervisor.conftest import Bench, module, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.layout import Rows

QUICK = Patience(0.05, 0.1, 0.1, 5.0)
THERE = "hub /there/x:int32[x]"
COPY = """
while data := os.read(input_(), 12):
    os.write(output(), data)
"""


class Wire:
    """A TCP connection to a node that can be cut."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.refuses = False

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.sleep(0.05)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(
            self._target.hostname, self._target.port
        )
        self._writers |= {writer, far_writer}
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        for each in (writer, far_writer):
            each.transport.abort()
            self._writers.discard(each)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    raise ConnectionError


@pytest.fixture
async def hub() -> AsyncIterator[RunningNode]:
    async with running_node(name="hub") as node:
        yield node


@pytest.fixture
async def wire(bench: Bench, hub: RunningNode) -> AsyncIterator[Wire]:
    async with Wire(hub.url) as wire:
        await bench.node.followers.add(wire.url, hub.key, partial(identify, cafile=""))
        yield wire


def remote(bench: Bench) -> RemoteStreams:
    return RemoteStreams(bench.node.followers, patience=QUICK)


def there(bench: Bench, hub: RunningNode) -> Bench:
    return Bench(hub.node, bench.folder)


def make_rows(first: int, count: int) -> Rows:
    rows = np.zeros(count, [("timestamp", "<i8"), ("data", "<i4", (1,))])
    rows["timestamp"] = np.arange(first, first + count)
    rows["data"][:, 0] = rows["timestamp"]
    return rows


async def test_an_input_of_another_node_resumes_by_position(
    bench: Bench, hub: RunningNode, wire: Wire
) -> None:
    far = there(bench, hub)

    stream = await hub.node.catalog.ensure_data_stream(PipeSpec.parse("/there/x:int32[x]"))
    writer = await hub.node.data.open_writer(stream)
    copy = module("c", COPY, inputs={"input": THERE}, outputs={"output": "/here/x:int32[x]"})
    async with bench.running(copy, remote=remote(bench)) as supervisor:
        assert supervisor.module("c").inputs == {"input": "[hub] /there/x"}
        sent = 0
        while not await bench._count("/here/x"):
            sent += 1
            await writer.write(make_rows(sent, 1))
            await asyncio.sleep(0.02)
        first = (await bench.rows("/here/x"))[0][0][0]
        for round_ in range(3):
            wire.refuses = True
            wire.cut()
            await writer.write(make_rows(sent + 1, 100))
            sent += 100
            if round_ == 1:
                await writer.end_interval()
            await asyncio.sleep(0.1)
            wire.refuses = False
            await writer.write(make_rows(sent + 1, 10))
            sent += 10
            await bench.until_count("/here/x", sent - first + 1)
        wanted = [[s for s, _ in interval if s >= first] for interval in await far.rows("/there/x")]
        assert [[s for s, _ in interval] for interval in await bench.rows("/here/x")] == wanted
        assert len(wanted) == 2
        assert "WARNING: remote stream [hub /there/x:int32[x]]" in " ".join(supervisor.logs("c"))
    await writer.close()


async def test_an_output_to_another_node_waits_for_it_and_loses_nothing(
    bench: Bench, hub: RunningNode, wire: Wire
) -> None:
    produce = """
    for n in range(1, 301):
        write(row(n, n))
        if n == 100: write(BREAK)
        time.sleep(0.005)
    sleep()
    """
    far = there(bench, hub)
    wire.refuses = True
    conf = module("p", produce, outputs={"output": THERE})
    async with bench.running(conf, remote=remote(bench)) as supervisor:
        await until(lambda: supervisor.module("p").state == "running")
        await asyncio.sleep(0.2)
        wire.refuses = False
        for _ in range(4):
            wire.cut()
            await asyncio.sleep(0.3)
        found = await far.until_rows("/there/x", 300)
    assert [[s for s, _ in interval] for interval in found] == [
        list(range(1, 101)),
        list(range(101, 301)),
    ]


async def test_what_is_left_is_delivered_when_the_module_is_stopped(
    bench: Bench, hub: RunningNode, wire: Wire
) -> None:
    produce = "write(*(row(n, n) for n in range(1, 1001))); sleep()"
    async with bench.running(
        module("p", produce, outputs={"output": THERE}), remote=remote(bench)
    ) as supervisor:
        await there(bench, hub).until_count("/there/x", 1)
        await supervisor.stop_module("p")
        assert await there(bench, hub)._count("/there/x") == 1000
        assert not there(bench, hub).stream("/there/x").is_destination
    assert wire.port


async def test_what_cannot_be_delivered_is_said(bench: Bench, hub: RunningNode, wire: Wire) -> None:
    produce = "write(*(row(n, n) for n in range(1, 8))); sleep()"
    wire.refuses = True
    patience = RemoteStreams(bench.node.followers, patience=Patience(0.05, 0.1, 0.1, 0.2))
    async with bench.running(
        module("p", produce, outputs={"output": THERE}), remote=patience
    ) as supervisor:
        await until(lambda: "WARNING" in " ".join(supervisor.logs("p")))
        await supervisor.stop_module("p")
        assert f"ERROR: 7 rows for [{THERE}] were not delivered" in supervisor.logs("p")[-1]
    with pytest.raises(StreamNotFound):
        hub.node.catalog.data_stream("/there/x")


async def test_a_node_that_is_no_follower_is_an_error_at_the_start(bench: Bench) -> None:
    conf = module("p", "", outputs={"output": "nobody /a/x:int32[x]"})
    async with bench.running(conf, remote=remote(bench)) as supervisor:
        await until(lambda: supervisor.module("p").state == "failed to load")
        assert "Remote node [nobody] is not a follower" in supervisor.module("p").reason


async def test_a_layout_that_does_not_fit_is_said_and_hurts_no_other_output(
    bench: Bench, hub: RunningNode, wire: Wire
) -> None:
    await hub.node.catalog.ensure_data_stream(PipeSpec.parse("/there/x:int32[x]"))
    code = "write(row(1, 1, 'q'), name='far'); write(row(1, 1), name='near'); sleep()"
    outputs = {"far": "hub /there/x:int64[x]", "near": "/here/x:int32[x]"}
    impatient = RemoteStreams(bench.node.followers, patience=Patience(0.05, 0.1, 0.1, 0.2))
    async with bench.running(module("p", code, outputs=outputs), remote=impatient) as supervisor:
        await bench.until_rows("/here/x", 1)
        await until(lambda: "it has layout int32_1" in " ".join(supervisor.logs("p")))
        assert supervisor.module("p").state == "running"
    assert wire.port
