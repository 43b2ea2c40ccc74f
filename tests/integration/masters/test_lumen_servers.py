"""Lumen servers as masters of nodes: the handshake, what it gives, and what goes wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.errors import ApiError
from joule.testing.node import running_node
from tests.integration.lumen import AUTH_KEY, Lumen, lumen_server
from tests.integration.masters.support import allowed, client, failing, masters

if TYPE_CHECKING:
    from joule.api import TcpNode
    from joule.testing.node import RunningNode


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


async def forever() -> None:
    await asyncio.Event().wait()
