"""Clients that take their time, or leave: the node neither holds their data nor waits for them."""

from __future__ import annotations

import asyncio
import gc
import socket
import tracemalloc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest

from joule.api import TcpNode
from joule.storage.embedded import EmbeddedEngine
from joule.testing.node import running_node
from tests.unit.server.support import Http, add_stream, plant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.models.layout import Rows
    from joule.models.streams import DataStream
    from joule.testing.node import RunningNode

MB = 1_000_000
HELD_BYTES_MAX = 8 * MB
"""A step of the store, the block on its way and what the connection holds, with room to spare."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningNode]:
    async with running_node(engine=EmbeddedEngine(tmp_path / "store.db")) as node:
        yield node


@pytest.fixture
async def http(running: RunningNode) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session:
        yield Http(session, running.url)


def many_rows(stream: DataStream, count: int, start: int = 1) -> Rows:
    """Rows that do not compress well, so that the store is as large as they are."""
    rows = np.zeros(count, stream.rows_layout.dtype)
    rows["timestamp"] = np.arange(start, start + count)
    rows["data"] = np.random.default_rng(1).random(rows["data"].shape)
    return rows


@asynccontextmanager
async def asked(
    running: RunningNode, query: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection with small buffers on which ``GET /data`` was asked and nothing read yet."""
    made = socket.create_connection(("127.0.0.1", running.server.tcp_port or 0))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    reader, writer = await asyncio.open_connection(sock=made, limit=16_384)
    writer.write(
        f"GET /data?{query} HTTP/1.1\r\nHost: node\r\nX-API-KEY: {running.key}\r\n\r\n".encode()
    )
    try:
        yield reader, writer
    finally:
        writer.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


class Watched:
    """The store's reads: how many bytes they gave, and how many of them are open."""

    def __init__(self, running: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
        self._read = running.node.engine.samples.read
        self.open = 0
        self.bytes = 0
        monkeypatch.setattr(running.node.engine.samples, "read", self)

    async def __call__(self, *args: Any) -> Any:
        self.open += 1
        try:
            async for block in self._read(*args):
                self.bytes += block.rows.nbytes
                yield block
        finally:
            self.open -= 1


async def test_a_reader_that_stands_still_costs_a_bounded_amount_and_holds_nobody_up(
    running: RunningNode, http: Http
) -> None:
    stream = await add_stream(running, layout="float32_4")
    rows = many_rows(stream, 1_500_000)
    await plant(running, stream, rows)
    total, expected = rows.nbytes, rows[-1000:].tobytes()
    assert total > 4 * HELD_BYTES_MAX
    del rows
    gc.collect()
    tracemalloc.start()
    try:
        async with asked(running, f"id={stream.id}") as (reader, _):
            for _ in range(20):  # 16 kB at a time
                assert await reader.read(16_384)
                await asyncio.sleep(0.01)
            held, _peak = tracemalloc.get_traced_memory()
            assert held < HELD_BYTES_MAX
            answer = await http.get("/data", id=stream.id, start=1_499_001)
            assert answer.body == expected
            later = many_rows(stream, 10, 2_000_000)
            assert (await http.write("/a/b/x", later.tobytes())).text == "ok"
            await reader.read(16_384)
            held, _peak = tracemalloc.get_traced_memory()
            assert held < HELD_BYTES_MAX
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", ["/data", "/data.json"])
async def test_a_reader_that_vanishes_is_let_go_at_once(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    stream = await add_stream(running, layout="float32_4")
    await plant(running, stream, many_rows(stream, 1_000_000))
    watched = Watched(running, monkeypatch)
    async with aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session:
        response = await session.get(f"{running.url}{path}?id={stream.id}")
        await response.content.readexactly(1000)
        assert watched.open == 1
        response.close()
        await until(lambda: not watched.open)
        assert watched.bytes < 1_000_000 * 24


async def test_a_subscriber_that_stands_still_loses_nothing_and_sees_the_breaks_there_are(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(running, monkeypatch)
    stream = await add_stream(running, layout="float32_4")
    rows = many_rows(stream, 1_000_000)
    edges = [0, 5, 300_000, 300_001, 777_777, len(rows)]
    async with (
        TcpNode("reader", running.url, running.key) as node,
        await running.node.data.open_writer(stream) as writer,
    ):
        pipe = await node.data_subscribe(stream.id)
        await writer.write(rows[:2])
        first = await pipe.read()
        pipe.consume(len(first))
        for interval in (rows[2:5], *map(rows.__getitem__, map(slice, edges[1:-1], edges[2:]))):
            for start in range(0, len(interval), 10_000):
                await writer.write(interval[start : start + 10_000])
                await asyncio.sleep(0)
            await writer.end_interval()
        got, seen_edges = [first], [0]
        while sum(map(len, got)) < len(rows):
            part = await pipe.read()
            pipe.consume(len(part))
            got.append(part)
            if pipe.end_of_interval:
                seen_edges.append(sum(map(len, got)))
        assert watched.bytes  # it has fallen behind
        # Live again: what is written now arrives without the store.
        read_before = watched.bytes
        last = many_rows(stream, 3, 5_000_000)
        await writer.write(last)
        while sum(map(len, got)) < len(rows) + 3:
            part = await pipe.read()
            pipe.consume(len(part))
            got.append(part)
            if pipe.end_of_interval:
                seen_edges.append(sum(map(len, got)))
        assert watched.bytes == read_before
        await pipe.close()
    assert np.array_equal(np.concatenate(got), np.concatenate([rows, last]))
    assert sorted(set(seen_edges)) == edges
    await until(lambda: not stream.is_destination)


async def test_a_subscriber_that_vanishes_while_it_is_behind_is_let_go(
    running: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(running, monkeypatch)
    stream = await add_stream(running, layout="float32_4")
    rows = many_rows(stream, 1_000_000)
    async with await running.node.data.open_writer(stream) as writer:
        async with asked(running, f"id={stream.id}&subscribe=1") as (reader, connection):
            await reader.readuntil(b"\r\n\r\n")
            for start in range(0, len(rows), 10_000):
                await writer.write(rows[start : start + 10_000])
                await asyncio.sleep(0)
            connection.transport.abort()
        log = running.node.data._log(stream)
        await until(lambda: not log.followers and not watched.open)
        assert log.buffer.size_bytes == 0


class SlowInserts:
    """A store in which merging late rows takes long."""

    def __init__(self, running: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
        self._insert = running.node.engine.samples.insert
        self.sizes: list[int] = []
        monkeypatch.setattr(running.node.engine.samples, "insert", self)

    async def __call__(self, stream: Any, rows: Rows, **options: Any) -> None:
        self.sizes.append(rows.nbytes)
        await asyncio.sleep(0.05)
        await self._insert(stream, rows, **options)


async def test_late_rows_that_come_fast_are_merged_in_large_pieces(
    running: RunningNode, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await add_stream(running, layout="float32_4")
    await plant(running, stream, many_rows(stream, 1, 10**9))
    store = SlowInserts(running, monkeypatch)
    data = many_rows(stream, 400_000).tobytes()

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 10_000):
            yield data[start : start + 10_000]

    assert (await http.write("/a/b/x", body())).text == "ok"
    assert sum(store.sizes) == len(data)
    assert len(store.sizes) < 20  # a transaction for each piece that came would be 960
    assert max(store.sizes) < 4 * MB


async def test_late_rows_that_come_slowly_are_merged_as_they_come(
    running: RunningNode, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await add_stream(running, layout="float32_4")
    await plant(running, stream, many_rows(stream, 1, 10**9))
    store = SlowInserts(running, monkeypatch)

    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            yield many_rows(stream, 1, 1 + number).tobytes()
            await until(lambda: len(store.sizes) > number)  # noqa: B023 - awaited here

    assert (await http.write("/a/b/x", body())).text == "ok"
    assert store.sizes == [stream.rows_layout.row_bytes] * 3
