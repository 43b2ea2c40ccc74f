"""Web sockets of apps through the node."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import WSMsgType

from joule.server.relay.websocket import MESSAGE_MAX_BYTES
from tests.unit.server.relay.support import BUFFERS_MAX, KEY, settled
from tests.unit.server.site import PART

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.site import Site


async def test_a_web_socket_carries_messages_both_ways(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    url = f"{running.url}/app/m1/socket?a=b"
    async with session.ws_connect(url, protocols=["old"], autoping=False) as socket:
        assert socket.protocol == "old"
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        long = PART * 60
        await socket.send_bytes(long)
        assert await socket.receive_bytes() == long
        await socket.ping(b"p")
        pong = await socket.receive()
        assert (pong.type, bytes(pong.data)) == (WSMsgType.PONG, b"p")
    assert module.last.raw_path == "/socket?a=b"
    assert KEY not in module.last.headers
    async with asyncio.timeout(10):
        await module.left.wait()


async def test_the_caller_learns_why_an_app_closed(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.ws_connect(f"{running.url}/app/m1/socket") as socket:
        await socket.send_str("leave")
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4001, "as asked")


async def test_a_message_that_is_too_long_ends_the_connection(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.ws_connect(f"{running.url}/app/m1/socket", max_msg_size=0) as socket:
        with suppress(ConnectionError):
            await socket.send_bytes(b"x" * (MESSAGE_MAX_BYTES + 1))
        assert (await socket.receive()).type is not WSMsgType.BINARY
    async with asyncio.timeout(10):
        await module.left.wait()


async def test_a_slow_reader_of_a_web_socket_slows_the_other_end_down(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.ws_connect(f"{running.url}/app/m1/socket") as socket:
        sent = 0

        async def fill() -> None:
            nonlocal sent
            while True:
                await socket.send_bytes(PART)
                sent += len(PART)

        filling = asyncio.create_task(fill())
        await settled(lambda: sent)
        filling.cancel()
        assert sent < 2 * BUFFERS_MAX
        for _ in range(100):
            assert await socket.receive_bytes() == PART


@pytest.mark.parametrize(("path", "status"), [("/app/m1/", 502), ("/app/p1/", 502)])
async def test_a_web_socket_that_an_app_does_not_take_is_refused(
    session: aiohttp.ClientSession, running: RunningNode, module: Site, path: str, status: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect(f"{running.url}{path}")
    assert refused.value.status == status
