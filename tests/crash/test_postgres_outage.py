"""The database server is away for long: the node goes on, in bounded memory, and recovers alone."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from joule.api import DataStream, Element
from joule.errors import ApiError
from joule.models.layout import Layout
from joule.node.group_commit import FAILING_BYTES_MAX
from joule.testing.postgres import running_server
from tests.crash.copies import CopyingDaemon, check_copies
from tests.crash.load import batch
from tests.integration.daemon import wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from joule.api import TcpNode
    from joule.testing.postgres import PostgresServer
    from tests.integration.daemon import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

OUTAGE_S = 22
SLOW, MUCH = "/out/slow", "/out/much"
LAYOUT = Layout("int64", 2)
BLOCK_ROWS = 20_000
COPIES = 4
"""So many times may each byte that waits be in memory while rows still arrive."""


@pytest.fixture
def server(postgres_binaries: Path) -> Iterator[PostgresServer]:
    """A server that will be away."""
    with running_server(postgres_binaries) as server:
        yield server


@pytest.fixture
def node(server: PostgresServer, tmp_path: Path) -> Iterator[Daemon]:
    """A node on it, with two streams, which copies rows all the time."""
    with CopyingDaemon(tmp_path, "node", f"Database = {server.address()}\n") as daemon:
        daemon.start()
        daemon.ask(create)
        yield daemon


async def create(node: TcpNode) -> None:
    for path in (SLOW, MUCH):
        elements = [Element("number"), Element("other")]
        stream = DataStream(path.rsplit("/", 1)[1], datatype="int64", elements=elements)
        await node.data_stream_create(stream, "/out")


class Feed:
    """Ten rows ten times a second, and a live reader of them."""

    def __init__(self, source: Any, live: Any) -> None:
        self._source, self._live = source, live
        self._written = 10
        self.seen = 0

    async def write(self) -> None:
        """Write until the store takes no more or this is cancelled."""
        with suppress(ApiError):
            while True:
                await self._source.write(batch(self._written, 10))
                self._written += 10
                await asyncio.sleep(0.1)

    async def follow(self, count: int) -> None:
        """See so many rows arrive."""
        end = self.seen + count
        async with asyncio.timeout(20):
            while self.seen < end:
                rows = await self._live.read()
                self._live.consume(len(rows))
                assert rows.tobytes() == batch(self.seen, len(rows)).tobytes()
                self.seen += len(rows)


@asynccontextmanager
async def feeding(node: TcpNode) -> AsyncIterator[Feed]:
    """Write to a stream and read it live."""
    source = await node.data_write(SLOW)
    await source.write(batch(0, 10))
    async with asyncio.timeout(10):
        # What is waited for is in another process.
        while not (await node.data_stream_get(SLOW)).is_destination:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    live = await node.data_subscribe(SLOW, 0)
    feed = Feed(source, live)
    task = asyncio.create_task(feed.write())
    try:
        yield feed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await live.close()
        with suppress(ApiError):
            await source.close()


async def pour(pipe: Any) -> tuple[int, str]:
    """Write until it is refused; gives the number of rows offered and what was said."""
    offered = 1
    try:
        while offered * LAYOUT.row_bytes < 4 * FAILING_BYTES_MAX:
            await pipe.write(batch(offered, BLOCK_ROWS))
            offered += BLOCK_ROWS
    except ApiError as error:
        with suppress(ApiError):
            await pipe.close()
        return offered, str(error)
    raise AssertionError("rows were taken without end")


async def fault(node: TcpNode) -> str | None:
    """What the node says of its store."""
    usage = await node.session.get("/dbinfo")  # what `joule node info` shows
    said: str | None = usage.get("fault")
    return said


def test_a_long_outage_costs_neither_memory_nor_rows_nor_live_readers(
    node: Daemon, server: PostgresServer
) -> None:
    assert node.process is not None
    process = psutil.Process(node.process.pid)

    async def through(ours: TcpNode) -> int:
        async with feeding(ours) as feed:
            await feed.follow(20)
            much = await ours.data_write(MUCH)
            await much.write(batch(0, 1))  # who begins in an outage is refused at once
            await feed.follow(10)
            before = process.memory_info().rss
            await asyncio.to_thread(server.stop_at_once)
            end = time.monotonic() + OUTAGE_S
            while time.monotonic() < end:
                await feed.follow(10)
            offered, said = await pour(much)
            assert "connect" in said
            assert offered * LAYOUT.row_bytes >= FAILING_BYTES_MAX
            assert process.memory_info().rss - before < COPIES * FAILING_BYTES_MAX
            assert "connect" in (await fault(ours) or "")
            await asyncio.to_thread(server.start)
            return feed.seen

    seen = node.ask(through)
    wait_until(lambda: node.ask(fault) is None, 30, lambda: node.text)
    assert node.stop() == 0
    node.start()
    assert stored(node, SLOW) >= seen
    assert stored(node, MUCH) * LAYOUT.row_bytes >= FAILING_BYTES_MAX - 2**20
    wait_until(lambda: check_copies(server.address()), 20, "nothing is copied any more")
    assert stored(node, MUCH) * LAYOUT.row_bytes >= FAILING_BYTES_MAX - 2**20


def test_a_server_that_only_hangs_is_an_outage_too(node: Daemon, server: PostgresServer) -> None:
    async def through(ours: TcpNode) -> int:
        async with feeding(ours) as feed:
            await feed.follow(20)
            await asyncio.to_thread(server.freeze)
            try:
                await feed.follow(50)
            finally:
                await asyncio.to_thread(server.thaw)
            return feed.seen

    seen = node.ask(through)
    assert stored(node, SLOW) >= seen


def stored(node: Daemon, path: str) -> int:
    """The number of rows of a stream, which must be the first ones."""
    rows = node.ask(lambda ours: ours.data_read_array(path, max_rows=None))
    assert rows.tobytes() == batch(0, len(rows)).tobytes(), path
    return len(rows)
