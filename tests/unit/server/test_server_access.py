from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.server.auth import required_scope
from joule.wire.routes import Route
from tests.unit.server.support import Http

if TYPE_CHECKING:
    from joule.testing.node import RunningNode


@pytest.mark.parametrize("path", ["/", "/version", "/folders.json", "/nothing/here"])
@pytest.mark.parametrize(
    "headers", [{}, {"X-API-KEY": "x" * 43}, {"X-API-KEY": ""}, {"X-API-KEY": "\udcff"}]
)
async def test_over_tcp_a_missing_or_wrong_key_is_403_whatever_the_path(
    running: RunningNode, path: str, headers: dict[str, str]
) -> None:
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await Http(session, running.url).get(path)
    assert (answer.status, answer.text) == (403, "403: Forbidden")


async def test_with_the_key_an_unknown_path_is_404_and_a_wrong_method_405(http: Http) -> None:
    assert (await http.get("/nothing/here")).status == 404
    assert (await http("OPTIONS", "/data")).status == 405


@pytest.mark.parametrize("name", ["X-API-KEY", "X-Api-Key", "x-api-key"])
async def test_the_key_header_may_have_any_case(running: RunningNode, name: str) -> None:
    async with aiohttp.ClientSession(headers={name: running.key}) as session:
        assert (await Http(session, running.url).get("/")).text == "Joule server"


async def test_the_unix_socket_is_trusted_unless_a_proxy_says_otherwise(
    running: RunningNode,
) -> None:
    connector = aiohttp.UnixConnector(str(running.socket_path))
    async with aiohttp.ClientSession(connector=connector) as session:
        http = Http(session, "http://joule.localhost")
        assert (await http.get("/version.json")).status == 200
        marked = {"X-Auth-Required": "true"}
        assert (await http("GET", "/version.json", headers=marked)).status == 403
        marked["X-API-KEY"] = running.key
        assert (await http("GET", "/version.json", headers=marked)).status == 200


async def test_the_mark_of_a_proxy_does_not_open_tcp(running: RunningNode) -> None:
    async with aiohttp.ClientSession(headers={"X-Auth-Required": "true"}) as session:
        assert (await Http(session, running.url).get("/")).status == 403


async def test_the_unix_socket_is_for_owner_and_group_only(running: RunningNode) -> None:
    assert running.socket_path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", Route.FOLDERS, "read"),
        ("HEAD", Route.DATA, "read"),
        ("POST", Route.DATA, "write"),
        ("DELETE", Route.STREAM, "write"),
        ("GET", Route.FOLLOWERS, "admin"),
        ("POST", Route.COMMIT, "admin"),
        ("GET", Route.DB_CONNECTION, "admin"),
        ("POST", Route.MASTER, "admin"),
        ("DELETE", Route.FOLLOWER, "admin"),
        ("PATCH", "/unknown", "write"),
    ],
)
def test_requests_need_the_scope_of_what_they_do(method: str, path: str, scope: str) -> None:
    assert required_scope(method, path) == scope
