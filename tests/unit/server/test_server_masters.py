from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from joule.storage.interfaces import FollowerRecord
from joule.testing.node import USER
from tests.unit.server.support import Http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode


@pytest.fixture
async def local(running: RunningNode) -> AsyncIterator[Http]:
    """A client on the UNIX socket, without a key."""
    connector = aiohttp.UnixConnector(str(running.socket_path))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Http(session, "http://joule.localhost")


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"master_type": "user", "identifier": name, "api_key": None, "lumen_params": None} | more


async def status_with(running: RunningNode, key: str) -> int:
    async with aiohttp.ClientSession(headers={"X-API-KEY": key}) as session:
        return (await Http(session, running.url).get("/")).status


async def test_masters_are_listed_without_keys(http: Http) -> None:
    (master,) = (await http.get("/masters.json")).json
    assert (master["name"], master["type"], master["grantor_id"]) == (USER, "USER", None)
    assert "key" not in master


async def test_a_new_user_gets_a_key_that_works(http: Http, running: RunningNode) -> None:
    answer = (await http.post("/master.json", user("alice"))).json
    assert answer["name"] == "test_node"
    assert len(answer["key"]) == 43
    assert await status_with(running, answer["key"]) == 200
    first, second = (await http.get("/masters.json")).json
    assert (second["name"], second["grantor_id"]) == ("alice", first["id"])


async def test_a_user_may_bring_a_long_key(http: Http, running: RunningNode) -> None:
    answer = (await http.post("/master.json", user("alice", api_key="k" * 32))).json
    assert answer["key"] == "k" * 32
    assert await status_with(running, "k" * 32) == 200


async def test_this_host_adds_users_without_a_key_and_may_give_new_ones(
    local: Http, running: RunningNode
) -> None:
    first = (await local.post("/master.json", user("bob"))).json["key"]
    answer = await local.post("/master.json", user("bob"))
    assert (answer.status, answer.text) == (400, "User already exists")
    second = (await local.post("/master.json", user("bob", replace=True))).json["key"]
    assert await status_with(running, first) == 403
    assert await status_with(running, second) == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "master_type must be [user|joule|lumen]"),
        ({"master_type": 4}, "master_type must be [user|joule|lumen]"),
        ({"master_type": "user"}, "Invalid request 'identifier'"),
        (user(""), "Invalid request 'identifier'"),
        (user("eve", api_key="short"), "API Key must be at least 32 characters"),
        (user("eve", api_key=5), "API Key must be at least 32 characters"),
        (user(USER), "User already exists"),
    ],
)
async def test_a_bad_new_master_is_refused(http: Http, body: dict[str, Any], text: str) -> None:
    answer = await http.post("/master.json", body)
    assert (answer.status, answer.text) == (400, text)
    assert len((await http.get("/masters.json")).json) == 1


async def test_an_unknown_key_grants_nothing_even_on_the_unix_socket(local: Http) -> None:
    headers = {"X-API-KEY": "unknown"}
    answer = await local("POST", "/master.json", json=user("eve"), headers=headers)
    assert (answer.status, answer.text) == (400, "Invalid request 'X-API-KEY'")


async def test_a_removed_user_has_no_access_any_more(http: Http, running: RunningNode) -> None:
    key = (await http.post("/master.json", user("alice"))).json["key"]
    answer = await http("DELETE", "/master.json", {"name": "alice", "master_type": "user"})
    assert (answer.status, answer.text) == (200, "ok")
    assert await status_with(running, key) == 403


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({}, 400, "specify name and master_type"),
        ({"name": "x"}, 400, "specify name and master_type"),
        ({"name": "x", "master_type": "odd"}, 400, "specify name and master_type"),
        (
            {"name": "x", "master_type": "joule"},
            404,
            "joule_node [x] is not a master of node [test_node]",
        ),
        (
            {"name": USER, "master_type": "user"},
            400,
            "cannot delete yourself, this would lock you out of the node",
        ),
    ],
)
async def test_a_bad_removal_is_refused(
    http: Http, query: dict[str, Any], status: int, text: str
) -> None:
    answer = await http("DELETE", "/master.json", query)
    assert (answer.status, answer.text) == (status, text)


async def test_followers_are_listed_with_their_keys_and_forgotten_one_by_one(
    http: Http, running: RunningNode
) -> None:
    first = FollowerRecord(1, "node2", "http://10.0.0.5:8088", "k1")
    second = FollowerRecord(2, "node3", "http://10.0.0.6:8088", "k2")
    await running.node.catalog.records.change(put=[first, second])
    listed = (await http.get("/followers.json")).json
    assert listed[0] == {
        "id": 1, "name": "node2", "location": "http://10.0.0.5:8088", "key": "k1"
    }  # fmt: skip
    assert (await http.delete("/follower.json", name="node2")).text == "OK"
    assert [f["name"] for f in (await http.get("/followers.json")).json] == ["node3"]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [({}, 400, "specify name to remove"), ({"name": "none"}, 404, "follower not found")],
)
async def test_a_follower_that_is_not_there_cannot_be_forgotten(
    http: Http, query: dict[str, Any], status: int, text: str
) -> None:
    answer = await http("DELETE", "/follower.json", query)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_a_key_of_a_small_scope_is_refused_more(running: RunningNode, scope: str) -> None:
    key = await running.node.access.add_user("limited", scope=scope)
    async with aiohttp.ClientSession(headers={"X-API-KEY": key}) as session:
        http = Http(session, running.url)
        assert (await http.get("/folders.json")).status == 200
        write = await http.delete("/folder.json", path="/none")
        assert write.status == (403 if scope == "read" else 404)
        admin = await http.get("/masters.json")
    text = f"this key allows [{scope}], the request needs [admin]"
    assert (admin.status, admin.text) == (403, text)
    assert admin.headers["X-Joule-Fault"] == "AccessDeniedError"
