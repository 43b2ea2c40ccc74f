"""Nodes and Lumen servers as masters: the handshakes, what they leave behind, and their end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

import joule
from joule.errors import AccessDeniedError, ApiError, EmptyPipeError, InvalidRequestError
from joule.models.streams import DataStream, Element
from joule.testing.node import USER, running_node
from tests.integration.certificates import self_signed
from tests.integration.lumen import AUTH_KEY, Lumen, lumen_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp.typedefs import Handler

    from joule.api import TcpNode
    from joule.models.pipes import Pipe
    from joule.testing.node import RunningNode


@pytest.fixture
async def first() -> AsyncIterator[RunningNode]:
    async with running_node(name="first", answer_s=5) as node:
        yield node


@pytest.fixture
async def second() -> AsyncIterator[RunningNode]:
    async with running_node(name="second", answer_s=5) as node:
        yield node


@pytest.fixture
async def api(first: RunningNode) -> AsyncIterator[TcpNode]:
    """The first node, which gets masters."""
    async with client(first) as node:
        yield node


def client(running: RunningNode, key: str = "") -> TcpNode:
    return joule.api.TcpNode(running.node.name, running.url, key or running.key)


async def masters(node: TcpNode) -> list[tuple[str, str, str]]:
    """The masters but for the user of the test."""
    found = await node.master_list()
    return [(m.master_type, m.name, m.scope) for m in found if m.name != USER]


async def ended(pipe: Pipe) -> None:
    """The pipe gives nothing more, and does not wait for it either."""
    with pytest.raises((ApiError, EmptyPipeError)):
        await asyncio.wait_for(pipe.read(), 10)
    await pipe.close()


async def write_on(pipe: Pipe) -> None:
    for time in range(2, 10_000):
        await pipe.write(np.array([[time, 1.0]]))
        await asyncio.sleep(0)


async def allowed(running: RunningNode, key: str) -> bool:
    async with client(running, key) as node:
        try:
            await node.version()
        except AccessDeniedError:
            return False
        return True


# ------------------------------------------------------------------ nodes


async def test_a_node_becomes_the_follower_of_another(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    master = await api.master_add("joule", second.url)
    assert (master.master_type, master.name) == ("joule", "second")
    assert await masters(api) == [("JOULE_NODE", "second", "admin")]
    async with client(second) as other:
        [follower] = await other.follower_list()
        assert (follower.name, follower.url) == ("first", first.url)
        async with follower:
            assert (await follower.info()).name == "first"
            assert (await follower.folder_root()).name == "root"


async def test_three_nodes_control_each_other(first: RunningNode, second: RunningNode) -> None:
    async with running_node(name="third") as third:
        nodes = [first, second, third]
        for mine in nodes:
            for other in nodes:
                if other is not mine:
                    async with client(mine) as node:
                        await node.master_add("joule_node", other.url)
        for mine in nodes:
            async with client(mine) as node:
                names = [follower.name for follower in await node.follower_list()]
                assert sorted([*names, mine.node.name]) == ["first", "second", "third"]


async def test_a_node_that_asks_again_gets_a_new_key_and_the_old_one_is_no_good(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    await api.master_add("joule", second.url)
    old = second.node.followers.list()[0].key
    await api.master_add("joule", second.url)
    [follower] = second.node.followers.list()
    assert follower.key != old
    assert await allowed(first, follower.key)
    assert not await allowed(first, old)
    assert await masters(api) == [("JOULE_NODE", "second", "admin")]


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_master_can_be_given_less_than_everything(
    api: TcpNode, second: RunningNode, scope: str
) -> None:
    await api.master_add("joule", second.url, scope=scope)
    assert await masters(api) == [("JOULE_NODE", "second", scope)]
    async with client(second) as other:
        [follower] = await other.follower_list()
        async with follower:
            assert (await follower.folder_root()).name == "root"
            with pytest.raises(ApiError, match="403"):
                await follower.master_list()


async def test_a_master_that_is_removed_has_no_access_at_once_not_even_open_ones(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    stream = DataStream("live", elements=[Element("x")])
    stream = await api.data_stream_create(stream, "/a")
    writer = await api.data_write(stream)
    await api.master_add("joule", second.url)
    key = second.node.followers.list()[0].key
    async with client(first, key) as follower:
        pipe = await follower.data_subscribe(stream)
        await writer.write(np.array([[1, 1.0]]))
        assert len(await pipe.read()) == 1
        await api.master_delete("joule", "second")
        pipe.consume(1)
        await ended(pipe)
        assert not await allowed(first, key)
    await writer.write(np.array([[2, 1.0]]))  # others go on
    await writer.close()
    assert (await api.data_stream_info(stream)).rows == 2


async def test_an_upload_ends_with_the_access_of_its_master(
    api: TcpNode, first: RunningNode
) -> None:
    key = (await api.master_add("user", "writer")).key
    stream = await api.data_stream_create(DataStream("up", elements=[Element("x")]), "/a")
    async with client(first, key) as guest:
        pipe = await guest.data_write(stream)
        await pipe.write(np.array([[1, 1.0]]))
        await api.master_delete("user", "writer")
        with pytest.raises(ApiError):
            await write_on(pipe)
        with suppress(ApiError):
            await pipe.close()


async def test_a_new_key_ends_what_the_old_one_opened(api: TcpNode, first: RunningNode) -> None:
    old = await first.node.access.add_user("guest")
    stream = await api.data_stream_create(DataStream("x", elements=[Element("x")]), "/a")
    writer = await api.data_write(stream)
    async with client(first, old) as guest:
        pipe = await guest.data_subscribe(stream)
        await first.node.access.add_user("guest", replace=True)
        await ended(pipe)
    await writer.close()


async def test_followers_are_forgotten_one_by_one_and_keep_their_masters(
    api: TcpNode, first: RunningNode, second: RunningNode
) -> None:
    await api.master_add("joule", second.url)
    async with client(second) as other:
        [follower] = await other.follower_list()
        await other.follower_remove(follower)
        assert await other.follower_list() == []
        with pytest.raises(ApiError, match=r"^follower not found \[404\]$"):
            await other.follower_delete("first")
    assert await masters(api) == [("JOULE_NODE", "second", "admin")]


# ------------------------------------------------------------------ nodes: what goes wrong


async def failing(node: TcpNode, kind: str, host: str, text: str, **options: Any) -> None:
    """The attempt is refused with a text that holds ``text``, and leaves nothing behind."""
    before = await masters(node)
    with pytest.raises(ApiError) as refused:
        await node.master_add(kind, host, **options)
    assert text in refused.value.text
    assert refused.value.status == 400
    assert await masters(node) == before


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


# ------------------------------------------------------------------ Lumen


async def test_a_lumen_server_uses_the_key_before_it_takes_it(
    api: TcpNode, first: RunningNode
) -> None:
    async with lumen_server() as lumen:
        await api.master_add("lumen", lumen.url, {"auth_key": AUTH_KEY})
        assert await masters(api) == [("LUMEN_NODE", lumen.url, "admin")]
        [taken] = lumen.nodes.values()
        assert taken["url"] == first.url
        assert await allowed(first, taken["key"])
        await api.master_delete("lumen", lumen.url)
        assert not await allowed(first, taken["key"])


async def test_a_lumen_server_that_is_behind_something_is_given_an_address(
    api: TcpNode, first: RunningNode
) -> None:
    async with lumen_server() as lumen:
        address = first.url.replace("127.0.0.1", "localhost")
        given = {"auth_key": AUTH_KEY, "return_address": address}
        await api.master_add("lumen", lumen.url, given)
        assert lumen.nodes["first"]["url"] == address


async def test_the_address_that_a_reverse_proxy_says_is_passed_on(first: RunningNode) -> None:
    headers = {
        "X-Auth-Required": "true",
        "X-API-KEY": first.key,
        "X-Api-Port": "8443",
        "X-Api-Scheme": "https",
        "X-Api-Base-Uri": "/joule",
    }
    async with lumen_server() as lumen:
        body = {"master_type": "lumen", "identifier": lumen.url, "lumen_params": {}}
        connector = aiohttp.UnixConnector(str(first.socket_path))
        async with (
            aiohttp.ClientSession(connector=connector, headers=headers) as session,
            session.post("http://node/master.json", json=body) as answer,
        ):
            assert (answer.status, answer.content_type) == (400, "application/json")
            assert await answer.json() == {"error": "specify auth_key [422]"}
        [seen] = lumen.requests
        said = {name: seen[name] for name in ("name", "port", "scheme", "base_uri")}
        assert said == {"name": "first", "port": "8443", "scheme": "https", "base_uri": "/joule"}


async def test_what_a_lumen_server_wants_is_passed_on(api: TcpNode) -> None:
    async with lumen_server() as lumen:
        await failing(api, "lumen", lumen.url, "specify auth_key [422]")
        wrong = {"auth_key": "wrong"}
        await failing(api, "lumen", lumen.url, "invalid auth_key [422]", lumen_parameters=wrong)
    async with lumen_server(Lumen(has_users=False)) as lumen:
        text = "specify email, first_name, last_name, password [422]"
        await failing(api, "lumen", lumen.url, text)


async def test_the_keys_of_failed_attempts_open_nothing(api: TcpNode, first: RunningNode) -> None:
    async with lumen_server() as lumen:
        await failing(api, "lumen", lumen.url, "auth_key")
        assert not await allowed(first, lumen.requests[-1]["api_key"])


async def test_a_failed_attempt_leaves_the_lumen_server_that_is_a_master(
    api: TcpNode, first: RunningNode
) -> None:
    async with lumen_server() as lumen:
        await api.master_add("lumen", lumen.url, {"auth_key": AUTH_KEY})
        await failing(api, "lumen", lumen.url, "auth_key")
        assert await allowed(first, lumen.nodes["first"]["key"])
        old = lumen.nodes["first"]["key"]
        await api.master_add("lumen", lumen.url, {"auth_key": AUTH_KEY})
        assert not await allowed(first, old)
        assert await masters(api) == [("LUMEN_NODE", lumen.url, "admin")]


async def test_a_lumen_server_that_cannot_reach_the_node_keeps_its_key(
    api: TcpNode, first: RunningNode
) -> None:
    """It has stored the node; its owner puts the address right there."""
    async with lumen_server() as lumen:
        given = {"auth_key": AUTH_KEY, "return_address": "http://127.0.0.1:9"}
        with pytest.raises(ApiError) as refused:
            await api.master_add("lumen", lumen.url, given)
        assert refused.value.text == "cannot contact node at http://127.0.0.1:9 [422]"
        assert await masters(api) == [("LUMEN_NODE", lumen.url, "admin")]
        assert await allowed(first, lumen.nodes["first"]["key"])


async def test_a_lumen_server_that_stops_half_way() -> None:
    async with (
        running_node(name="hasty", answer_s=0.3) as hasty,
        client(hasty) as node,
        lumen_server(Lumen(before=forever)) as lumen,
    ):
        await failing(node, "lumen", lumen.url, f"{lumen.url} did not answer within 0.3 s")
        assert not await allowed(hasty, lumen.requests[0]["api_key"])


async def test_a_node_that_is_left_while_it_asks_goes_on_to_the_end(
    api: TcpNode, first: RunningNode
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        reached.set()
        await go_on.wait()

    async with lumen_server(Lumen(before=wait)) as lumen:
        adding = asyncio.create_task(api.master_add("lumen", lumen.url, {"auth_key": AUTH_KEY}))
        await reached.wait()
        adding.cancel()
        await asyncio.wait([adding])
        go_on.set()
        while not await masters(api):  # noqa: ASYNC110 - the node does not tell
            await asyncio.sleep(0.05)


async def test_a_node_without_an_address_asks_nobody(first: RunningNode) -> None:
    async with joule.api.UnixNode("local", str(first.socket_path)) as local:
        with pytest.raises(InvalidRequestError, match="on its own host only: set IPAddress"):
            await local.master_add("joule", "http://127.0.0.1:9")


# ------------------------------------------------------------------ helpers


async def forever() -> None:
    await asyncio.Event().wait()


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
