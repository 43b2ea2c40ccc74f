from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from joule.errors import NotFoundError
from joule.models.modules import Module, ModuleConfiguration, ModuleStatistics
from joule.models.proxies import Proxy
from joule.testing.node import running_node
from tests.unit.server.support import Http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode

IDLE: dict[str, Any] = {
    "pid": None,
    "create_time": None,
    "cpu_percent": None,
    "memory_percent": None,
    "pids": [],
}


class TwoModules:
    """A reader that runs and an app that does not."""

    def __init__(self) -> None:
        self._modules = [
            Module("reader", "reads", outputs={"out": "/a/x"}, state="running"),
            Module("view", "shows", is_app=True, state="stopped"),
        ]
        for number, module in enumerate(self._modules):
            module.id = number

    def modules(self) -> list[Module]:
        return self._modules

    def module(self, spec: str | int) -> Module:
        for module in self._modules:
            if spec in (module.id, module.name):
                return module
        raise NotFoundError("module does not exist")

    def logs(self, spec: str | int) -> list[str]:
        return [f"[2026-01-02T03:04:05.678901]: {self.module(spec).name}"]

    def log_tail(self, spec: str | int) -> AsyncIterator[list[str]]:
        return self._tail(self.logs(spec))

    async def _tail(self, lines: list[str]) -> AsyncIterator[list[str]]:
        yield lines
        await asyncio.sleep(0)
        yield ["two", "thr\xe9e"]

    async def start_module(self, spec: str | int) -> Module:
        return self._told(spec, "running")

    async def stop_module(self, spec: str | int) -> Module:
        return self._told(spec, "stopped")

    async def restart_module(self, spec: str | int) -> Module:
        return self._told(spec, "starting")

    def _told(self, spec: str | int, state: str) -> Module:
        module = self.module(spec)
        module.state = state
        return module

    def configuration(self, spec: str | int) -> ModuleConfiguration:
        outputs = {"out": "/a/x:float32[x]"}
        return ModuleConfiguration(self.module(spec).name, "read", {"rate": "2"}, {}, outputs)

    async def statistics(self, spec: str | int | None = None) -> dict[int, ModuleStatistics]:
        known = {0: ModuleStatistics(1460, 2.5, 5.6, 6.25), 1: ModuleStatistics()}
        return known if spec is None else {self.module(spec).id: known[self.module(spec).id]}


@pytest.fixture
async def running() -> AsyncIterator[RunningNode]:
    proxy = Proxy("flask_app", "http://127.0.0.1:5000/")
    proxy.id = 0
    async with running_node(modules=TwoModules(), proxies=[proxy]) as node:
        yield node


@pytest.fixture
async def http(running: RunningNode) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session:
        yield Http(session, running.url)


async def test_modules_are_listed_with_statistics_only_on_request(http: Http) -> None:
    plain = (await http.get("/modules.json")).json
    assert [m["name"] for m in plain] == ["reader", "view"]
    assert not any("statistics" in m for m in plain)
    assert (await http.get("/modules.json", statistics=0)).json == plain
    full = (await http.get("/modules.json", statistics=1)).json
    assert [m["statistics"]["pid"] for m in full] == [1460, None]
    assert full[1]["statistics"] == IDLE


@pytest.mark.parametrize("query", [{"name": "view"}, {"id": 1}, {"name": "view", "id": 0}])
async def test_a_module_is_got_by_name_or_id_with_statistics(
    http: Http, query: dict[str, Any]
) -> None:
    module = (await http("GET", "/module.json", query)).json
    assert (module["id"], module["is_app"], module["statistics"]) == (1, True, IDLE)


async def test_the_log_of_a_module_is_a_list_of_lines(http: Http) -> None:
    lines = (await http.get("/module/logs.json", name="reader")).json
    assert lines == ["[2026-01-02T03:04:05.678901]: reader"]


async def test_a_log_is_followed_as_text(http: Http) -> None:
    answer = await http("GET", "/module/log", {"name": "reader"})
    lines = ["[2026-01-02T03:04:05.678901]: reader", "two", "thr\xe9e"]
    assert answer.body.decode().splitlines() == lines


@pytest.mark.parametrize(
    ("order", "state"), [("start", "running"), ("stop", "stopped"), ("restart", "starting")]
)
async def test_modules_are_told_what_to_do(
    http: Http, running: RunningNode, order: str, state: str
) -> None:
    path = f"/module/{order}.json"
    for body in ({"name": "view"}, {"id": 1}):
        module = (await http("POST", path, json=body)).json
        assert (module["name"], module["state"]) == ("view", state)
    assert (await http("POST", path, json={"name": "no"})).status == 404
    assert (await http("POST", path, json={})).text == "specify a name or id"
    key = await running.node.access.add_user("guest", scope="write")
    answer = await http("POST", path, json={"id": 1}, headers={"X-API-KEY": key})
    assert answer.text == "this key allows [write], the request needs [admin]"


async def test_a_node_without_files_has_nothing_to_reload(http: Http) -> None:
    assert (await http.get("/module/faults.json")).json == []
    assert (await http("POST", "/reload.json")).json == {
        "added": [],
        "changed": [],
        "removed": [],
        "faults": [],
    }


@pytest.mark.parametrize(
    ("path", "query", "status", "text"),
    [
        ("/module.json", {}, 400, "specify a name or id"),
        ("/module.json", {"id": "x"}, 400, "parameter id must be an int"),
        ("/module.json", {"name": "none"}, 404, "module does not exist"),
        ("/module/logs.json", {}, 400, "specify a name"),
        ("/module/logs.json", {"id": 7}, 404, "module does not exist"),
        ("/proxy.json", {}, 400, "specify an id or a path"),
        ("/proxy.json", {"id": 7}, 404, "proxy does not exist"),
        ("/proxy.json", {"name": "none"}, 404, "proxy does not exist"),
    ],
)
async def test_what_is_not_there_is_named(
    http: Http, path: str, query: dict[str, Any], status: int, text: str
) -> None:
    answer = await http("GET", path, query)
    assert (answer.status, answer.text) == (status, text)


async def test_proxies_are_listed_and_got(http: Http) -> None:
    expected = {"id": 0, "name": "flask_app", "url": "http://127.0.0.1:5000/"}
    assert (await http.get("/proxies.json")).json == [expected]
    assert (await http.get("/proxy.json", name="flask_app")).json == expected
    assert (await http.get("/proxy.json", id=0)).json == expected


async def test_apps_are_the_modules_with_a_page_and_the_proxies(http: Http) -> None:
    assert (await http.get("/app.json")).json == [
        {"id": "m1", "name": "view"},
        {"id": "p0", "name": "flask_app"},
    ]


async def test_a_reverse_proxy_learns_where_an_app_is(http: Http, running: RunningNode) -> None:
    answer = await http("GET", "/app/auth", headers={"X-App-Id": "m1"})
    assert (answer.status, answer.body) == (200, b"")
    target = f"http://unix:{running.socket_path.parent}/module1:/"
    assert answer.headers["X-Proxy-Path"] == target
    answer = await http("GET", "/app/auth", headers={"X-App-Id": "p0"})
    assert answer.headers["X-Proxy-Path"] == "http://127.0.0.1:5000/"


@pytest.mark.parametrize(
    ("app_id", "status", "text"),
    [
        (None, 400, "invalid id"),
        ("m", 400, "invalid id"),
        ("x1", 400, "invalid id"),
        ("mx", 400, "invalid id"),
        ("m-1", 400, "invalid id"),
        ("m0", 404, "id not found"),
        ("m9", 404, "id not found"),
        ("p9", 404, "id not found"),
    ],
)
async def test_a_bad_app_id_is_refused(
    http: Http, app_id: str | None, status: int, text: str
) -> None:
    headers = {} if app_id is None else {"X-App-Id": app_id}
    answer = await http("GET", "/app/auth", headers=headers)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_where_an_app_is_can_only_be_read(http: Http, method: str) -> None:
    answer = await http(method, "/app/auth", headers={"X-App-Id": "m1"})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


async def test_what_a_module_file_says_is_given_to_who_may_do_everything(
    running: RunningNode, http: Http
) -> None:
    said = (await http.get("/module/configuration.json", name="reader")).json
    assert said == {
        "name": "reader",
        "exec_cmd": "read",
        "arguments": {"rate": "2"},
        "inputs": {},
        "outputs": {"out": "/a/x:float32[x]"},
    }
    assert (await http.get("/module/configuration.json", name="none")).status == 404
    key = await running.node.access.add_user("reader", scope="write")
    async with aiohttp.ClientSession(headers={"X-API-KEY": key}) as session:
        answer = await Http(session, running.url).get("/module/configuration.json", name="reader")
    assert answer.status == 403
