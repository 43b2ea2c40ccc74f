"""Attempts to make a node a master, or a follower, that fail and leave nothing behind."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

import joule
from joule.errors import InvalidRequestError
from joule.testing.node import running_node
from tests.integration.certificates import self_signed
from tests.integration.lumen import lumen_server
from tests.integration.masters.support import allowed, client, failing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp.typedefs import Handler

    from joule.api import TcpNode
    from joule.testing.node import RunningNode


async def test_nobody_at_the_address(api: TcpNode) -> None:
    advice = "try using a full URL like http(s)://..."
    await failing(api, "joule", "http://127.0.0.1:9", f"http://127.0.0.1:9, {advice}")
    await failing(api, "joule", "127.0.0.1:9", f"cannot connect to 127.0.0.1:9, {advice}")
    await failing(api, "joule", "no such host", f"cannot connect to no such host, {advice}")
    await failing(api, "lumen", "http://127.0.0.1:9", "cannot connect to http://127.0.0.1:9")


async def test_somebody_else_at_the_address(api: TcpNode) -> None:
    async with lumen_server() as lumen:
        await failing(api, "joule", lumen.url, "Not Found [404]")


async def test_a_node_is_not_its_own_master(api: TcpNode, first: RunningNode) -> None:
    await failing(api, "joule", first.url, "a node cannot be its own follower [400]")


async def test_a_name_that_another_node_has(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    await api.master_add("joule", second.url)
    async with running_node(name="first") as false, client(false) as other:
        text = f"another node at {first.url} is follower [first] [400]"
        await failing(other, "joule", second.url, text)
    [follower] = second.node.followers.list()
    assert follower.location == first.url


async def test_a_name_whose_node_has_gone_may_be_taken(second: RunningNode) -> None:
    async with running_node(name="first") as gone, client(gone) as node:
        await node.master_add("joule", second.url)
    async with running_node(name="first") as new, client(new) as node:
        await node.master_add("joule", second.url)
        [follower] = second.node.followers.list()
        assert follower.location == new.url


async def test_a_node_that_stops_half_way() -> None:
    """It has the key and uses it, and then never says that it takes it."""
    keys = []
    async with running_node(name="hasty", answer_s=0.3) as hasty, client(hasty) as node:

        async def grab(request: web.Request) -> web.Response:
            body = await request.json()
            assert await allowed(hasty, body["key"])
            keys.append(body["key"])
            await asyncio.Event().wait()
            return web.Response()

        async with answering(grab) as url:
            await failing(node, "joule", url, f"{url} did not answer within 0.3 s")
        assert not await allowed(hasty, keys[0])


@pytest.mark.parametrize("answer", ["{}", '{"name": 4}', '{"name": ""}', "[]", "ok"])
async def test_a_node_that_does_not_say_who_it_is(api: TcpNode, answer: str) -> None:
    async def odd(_request: web.Request) -> web.Response:
        return web.Response(text=answer, content_type="application/json")

    async with answering(odd) as url:
        await failing(api, "joule", url, f"there is no Joule node at {url}")


async def test_a_certificate_that_is_not_trusted(api: TcpNode, tmp_path: Path) -> None:
    async with lumen_server(tls=self_signed(tmp_path).context()) as lumen:
        for kind in ("joule", "lumen"):
            text = f"{lumen.url}: the specified certificate authority did not validate this server"
            await failing(api, kind, lumen.url, text)
        assert lumen.requests == []


async def test_a_node_without_an_address_asks_nobody(first: RunningNode) -> None:
    async with joule.api.UnixNode("local", str(first.socket_path)) as local:
        with pytest.raises(InvalidRequestError, match="on its own host only: set IPAddress"):
            await local.master_add("joule", "http://127.0.0.1:9")


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    """Run a server that answers ``POST /follower.json`` as the test says."""
    app = web.Application()
    app.router.add_post("/follower.json", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# ------------------------------------------------------------------ followers that say who they are


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"key": None}, "Invalid request, bad argument format"),
        ({"port": "x"}, "Invalid request, bad argument format"),
        ({"port": 70000}, "Invalid request, bad argument format"),
        ({"scheme": "ftp"}, "Invalid request, bad argument format"),
        ({"base_uri": "no/slash"}, "Invalid request, bad argument format"),
        ({"name_is_host": 1, "name": "a b"}, "Invalid request, bad argument format"),
        ({"port": 9}, "no route to node at http://127.0.0.1:9"),
        ({"key": "unknown"}, "no route to node at http://127.0.0.1:"),
    ],
)
async def test_a_bad_follower_is_refused(
    first: RunningNode, second: RunningNode, change: dict[str, Any], text: str
) -> None:
    port = int(first.url.rpartition(":")[2])
    good = {"key": first.key, "port": port, "name": "first", "base_uri": "", "scheme": "http"}
    status, said = await post_follower(second, {**good, **change})
    assert (status, said.startswith(text)) == (400, True), said
    assert second.node.followers.list() == []
    assert (await post_follower(second, good))[0] == 200


@pytest.mark.parametrize("name", ["key", "port", "scheme", "base_uri"])
async def test_a_follower_says_all_that_is_needed(second: RunningNode, name: str) -> None:
    body = {"key": "k", "port": 1, "scheme": "http", "base_uri": ""}
    del body[name]
    answer = await post_follower(second, body)
    assert answer == (400, f"Invalid request, missing ['{name}']")


async def test_a_follower_behind_a_reverse_proxy_is_where_that_says(second: RunningNode) -> None:
    body = {"key": "k", "port": "9", "scheme": "https", "base_uri": "/joule"}
    text = "no route to node at https://{}:9/joule"
    for given, host in [
        ("127.0.0.2", "127.0.0.2"),
        ("x, 127.0.0.3", "127.0.0.3"),
        ("::1", "[::1]"),
    ]:
        headers = {"X-Forwarded-For": given}
        assert await post_follower(second, body, headers) == (400, text.format(host))
    connector = aiohttp.UnixConnector(str(second.socket_path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://node/follower.json", json=body) as answer,
    ):
        assert (await answer.text()).startswith("could not determine remote host")


async def post_follower(
    running: RunningNode, body: dict[str, Any], headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Ask without a key, as any node may."""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{running.url}/follower.json", json=body) as answer,
    ):
        return answer.status, await answer.text()
