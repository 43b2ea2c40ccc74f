"""Every documented method, called on a real node through TCP and through its socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule import api, models
from joule.errors import ApiError
from joule.storage.embedded import EmbeddedEngine
from joule.testing.node import RunningNode, running_node
from tests.reference.calls import CALLS, ERRORS, World
from tests.reference.facts import Method, load, methods
from tests.unit.server.test_server_modules import TwoModules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

METHODS = methods(load())

NO_SERVER = {"db_connection_info"}
"""Needs a node with a database server: tests/unit/api/test_api_database.py."""

GIVE_MORE = {"event_stream_write": list}
"""Documented to give None, and give something as they do in Joule 1.0."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningNode]:
    proxy = api.Proxy("flask app", "http://127.0.0.1:5000/")
    proxy.id = 0
    engine = EmbeddedEngine(tmp_path / "joule.db")
    async with (
        running_node(name="second") as second,
        running_node(engine=engine, modules=TwoModules(), proxies=[proxy]) as running,
    ):
        async with api.Node(second.url, key=second.key) as follower:
            await follower.master_add("joule_node", running.url)
        yield running


@pytest.fixture(params=["tcp", "unix"])
async def world(request: pytest.FixtureRequest, running: RunningNode) -> AsyncIterator[World]:
    node = (
        api.Node(running.url, key=running.key)
        if request.param == "tcp"
        else api.UnixNode("here", str(running.socket_path))
    )
    async with node:
        yield await World.make(node)


def test_every_documented_method_is_called() -> None:
    assert set(METHODS) - set(CALLS) == NO_SERVER


@pytest.mark.parametrize("method", [METHODS[name] for name in CALLS], ids=lambda m: m.name)
async def test_a_method_gives_what_the_reference_says(world: World, method: Method) -> None:
    result = await CALLS[method.name](world)
    if method.name == "db_connect":
        result.dispose()
    if method.name in GIVE_MORE:
        assert isinstance(result, GIVE_MORE[method.name])
    else:
        assert_kind(result, method.returns)


@pytest.mark.parametrize("name", list(ERRORS))
async def test_a_method_raises_what_the_reference_says(world: World, name: str) -> None:
    with pytest.raises(ApiError) as caught:
        await ERRORS[name](world)
    documented = METHODS[name].error
    assert documented is None or str(caught.value) == documented


def test_every_documented_error_text_is_provoked() -> None:
    assert {name for name, method in METHODS.items() if method.error} - set(ERRORS) == set()


def assert_kind(result: Any, kind: str) -> None:
    """Check a result against the type that the reference names."""
    if kind == "None":
        assert result is None
    elif kind.startswith("List["):
        assert isinstance(result, list)
        assert result
        for item in result:
            assert_kind(item, kind.removeprefix("List[").removesuffix("]"))
    else:
        assert isinstance(result, kind_called(kind))


def kind_called(name: str) -> type[Any]:
    builtin = {"List": list, "str": str, "Pipe": models.Pipe}
    if name in builtin:
        return builtin[name]
    if name == "sqlalchemy.engine.Engine":
        engine: type[Any] = pytest.importorskip("sqlalchemy").Engine
        return engine
    found: type[Any] = getattr(api, name)
    return found
