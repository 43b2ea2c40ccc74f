"""Apps through the node: what is large or slow, how either end is felt, and apps that fail."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import WSMsgType

from joule.testing.node import running_node
from tests.unit.server.relay.support import BUFFERS_MAX, KEY, settled, text_of
from tests.unit.server.site import PART, serving
from tests.unit.server.support import Http
from tests.unit.server.test_server_modules import TwoModules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.site import Site


async def test_a_slow_app_slows_an_upload_down_and_then_gets_all_of_it(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    size = 100 << 20
    given = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given
        while given < size:
            given += len(PART)
            yield PART

    upload = asyncio.create_task(text_of(session.put(f"{running.url}/app/m1/swallow", data=body())))
    await settled(lambda: given)
    assert given < BUFFERS_MAX
    module.take.set()
    assert await upload == (200, str(size))


async def test_a_slow_caller_slows_an_app_down_and_ends_it_by_leaving(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/pour") as answer:
        await settled(lambda: module.sent)
        assert module.sent < BUFFERS_MAX
        assert len(await answer.content.readexactly(30 << 20)) == 30 << 20
        answer.close()
    async with asyncio.timeout(10):
        await module.left.wait()


async def test_events_arrive_one_by_one(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/ticks") as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"
        module.take.set()
        assert await answer.content.read() == b"data: 2\n\n"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_app_that_is_not_wanted_any_more_is_left(
    session: aiohttp.ClientSession, running: RunningNode, module: Site, method: str
) -> None:
    asking = asyncio.create_task(text_of(session.request(method, f"{running.url}/app/m1/silence")))
    async with asyncio.timeout(10):
        await module.asked.wait()
        asking.cancel()
        await module.left.wait()


async def test_an_answer_that_breaks_off_does_so_for_the_caller(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/break_off") as answer:
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_an_app_may_answer_before_it_has_everything(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.post(
        f"{running.url}/app/m1/refuse", data=io.BytesIO(b"x" * (20 << 20))
    ) as answer:
        assert (answer.status, await answer.text()) == (413, "too much")


async def test_a_node_that_stops_does_not_wait_for_apps() -> None:
    async with (
        running_node(modules=TwoModules()) as running,
        serving(running.socket_path.parent / "module1") as module,
        aiohttp.ClientSession(headers={KEY: running.key}) as session,
    ):
        url = f"{running.url}/app/m1"
        socket = await session.ws_connect(f"{url}/socket")
        await session.get(f"{url}/pour")
        async with asyncio.timeout(10):
            await running.server.__aexit__()
            await module.left.wait()
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        await socket.close()


# ------------------------------------------------------------------ apps that fail


async def test_an_app_that_does_not_run_is_a_bad_gateway(http: Http) -> None:
    text = "[view] has no web interface now, see its log: joule module logs view"
    answer = await http.get("/app/m1/")
    assert (answer.status, answer.text) == (502, text)
    assert (await http.get("/app/p1/")).text == "[gone] cannot be reached at http://127.0.0.1:9/"
    page = await http("GET", "/app/m1/", headers={"Accept": "text/html,*/*"})
    assert page.status == 502
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"<p>{text}</p>" in page.text


async def test_an_app_that_does_not_answer_in_time_is_given_up() -> None:
    async with (
        running_node(modules=TwoModules(), answer_s=0.2) as running,
        serving(running.socket_path.parent / "module1") as module,
        aiohttp.ClientSession(headers={KEY: running.key}) as session,
    ):
        answer = await Http(session, running.url).get("/app/m1/silence")
        assert (answer.status, answer.text) == (504, "[view] does not answer, gave up after 0.2 s")
        async with asyncio.timeout(10):
            await module.left.wait()


async def test_an_app_that_takes_more_and_more_is_not_given_up() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10
            await asyncio.sleep(0.1)

    async with (
        running_node(modules=TwoModules(), answer_s=0.5) as running,
        serving(running.socket_path.parent / "module1") as module,
        aiohttp.ClientSession(headers={KEY: running.key}) as session,
    ):
        module.take.set()
        url = f"{running.url}/app/m1/swallow"
        assert await text_of(session.post(url, data=trickle())) == (200, "100")


async def test_an_app_that_speaks_no_http_is_a_bad_gateway(
    running: RunningNode, http: Http
) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no http\r\n\r\n")
        writer.close()

    path = running.socket_path.parent / "module1"
    async with await asyncio.start_unix_server(babble, path):
        answer = await http.get("/app/m1/")
    assert (answer.status, answer.text) == (502, "[view] broke off without an answer")
