"""Calls that are given up: nothing stays open, on this side or at the node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.unit.api.support import rows_of, stream_of, until_produced

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from joule.api import TcpNode
    from joule.testing.node import RunningNode
    from tests.unit.api.support import FakeNode

    Call = Callable[[TcpNode], Coroutine[Any, Any, Any]]


async def given_up(call: Coroutine[Any, Any, Any], when: asyncio.Event) -> None:
    task = asyncio.create_task(call)
    async with asyncio.timeout(5):
        await when.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


class Silent:
    """An answer that does not come; knows how many clients wait for it."""

    def __init__(self, head: bool = False) -> None:
        self.asked = asyncio.Event()
        self.waiting = 0
        self._head = head

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.waiting += 1
        response = web.StreamResponse(
            headers={"joule-layout": "float32_2", "joule-decimation": "1"}
        )
        if self._head:
            await response.prepare(request)
        self.asked.set()
        try:
            while request.transport and not request.transport.is_closing():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        finally:
            self.waiting -= 1
        return response


CALLS: list[tuple[str, str, Call]] = [
    ("GET", "/folders.json", lambda node: node.folder_root()),
    ("GET", "/version.json", lambda node: node.info()),
    ("DELETE", "/data", lambda node: node.data_delete(1)),
    ("POST", "/data/decimate.json", lambda node: node.data_decimate(1)),
    ("GET", "/data", lambda node: node.data_read(_saved())),
    ("GET", "/data", lambda node: node.data_read_array(_saved())),
]


def _saved() -> Any:
    stream = stream_of()
    stream.id = 1
    return stream


@pytest.mark.parametrize(("method", "path", "call"), CALLS)
async def test_a_request_that_is_given_up_leaves_no_connection(
    fake: FakeNode, client: TcpNode, method: str, path: str, call: Call
) -> None:
    silent = Silent()
    fake.on(method, path, silent)
    await given_up(call(client), silent.asked)
    await until(lambda: not silent.waiting)


async def test_reading_all_that_is_given_up_leaves_no_connection(
    fake: FakeNode, client: TcpNode
) -> None:
    silent = Silent(head=True)
    fake.on("GET", "/data", silent)
    await given_up(client.data_read_array(_saved()), silent.asked)
    await until(lambda: not silent.waiting)


async def test_a_live_read_that_is_given_up_can_be_taken_up_again(
    running: RunningNode, node: TcpNode
) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    kept = running.node.catalog.data_stream(stream.id)
    async with await running.node.data.open_writer(kept) as writer:
        pipe = await node.data_subscribe(stream)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pipe.read()
        await writer.write(rows_of(stream, [1, 2]))
        assert (await pipe.read())["timestamp"].tolist() == [1, 2]
        await pipe.close()
        log = running.node.data._log(kept)
        await until(lambda: not log.followers)


async def test_a_write_that_is_given_up_lets_go_of_the_stream(
    running: RunningNode, node: TcpNode
) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    begun = asyncio.Event()

    async def work() -> None:
        pipe = await node.data_write(stream)
        try:
            await pipe.write(rows_of(stream, [1, 2]))
            await until_produced(node, stream)
            begun.set()
            await asyncio.Event().wait()
        finally:
            await pipe.close()

    await given_up(work(), begun)
    await until_produced(node, stream, False)
    assert (await node.data_stream_info(stream)).rows == 2


async def test_closing_the_node_ends_its_live_pipes(running: RunningNode, node: TcpNode) -> None:
    stream = await node.data_stream_create(stream_of(), "/a")
    kept = running.node.catalog.data_stream(stream.id)
    async with await running.node.data.open_writer(kept):
        pipe = await node.data_subscribe(stream)
        log = running.node.data._log(kept)
        assert len(log.followers) == 1
        await node.close()
        await until(lambda: not log.followers)
        await pipe.close()
