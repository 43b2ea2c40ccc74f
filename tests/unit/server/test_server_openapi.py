"""The description of the HTTP interface says what the server does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.server.auth import required_scope
from joule.wire.openapi import OPERATIONS, document
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http


def served(running: RunningNode) -> set[tuple[str, str]]:
    """Every method and path that the application answers; ``*`` counts as ``GET``."""
    return {
        ("GET" if route.method == "*" else route.method, route.resource.canonical)
        for route in running.server._runner.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


async def test_every_route_is_described_and_everything_described_is_a_route(
    running: RunningNode,
) -> None:
    assert served(running) == {(one.method.upper(), str(one.path)) for one in OPERATIONS}


async def test_the_described_scopes_are_those_that_are_checked() -> None:
    for one in OPERATIONS:
        if one.scope is None:
            assert (one.method, one.path) == ("post", Route.FOLLOWER)
        else:
            assert one.scope == required_scope(one.method.upper(), one.path), one.name


async def test_a_node_gives_its_description(http: Http) -> None:
    answer = await http.get("/openapi.json")
    assert answer.json == document("2.0.0")
    shown = await http.get("/openapi.html")
    assert (shown.status, shown.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "2.0.0" in shown.text


@pytest.mark.parametrize("path", [Route.OPENAPI, Route.OPENAPI_PAGE])
async def test_the_description_needs_a_key_as_everything_does(http: Http, path: str) -> None:
    assert (await http("GET", path, headers={"X-API-KEY": "wrong"})).status == 403
