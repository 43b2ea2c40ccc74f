"""What the tests of bad input share: a node with something in it, and how a rule is written."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joule.models.annotations import Annotation
from joule.models.events import Event, EventStream
from joule.testing.node import running_node
from tests.unit.server.support import add_stream, plant, rows_at
from tests.unit.server.test_server_modules import TwoModules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.support import Answer, Http


@dataclass(frozen=True)
class Rule:
    """Values that a parameter cannot have, and how they are refused."""

    name: str
    values: tuple[object, ...]
    status: int
    text: str


def bad(name: str, *values: object, text: str) -> Rule:
    return Rule(name, values, 400, text)


def unknown(name: str, *values: object, text: str) -> Rule:
    return Rule(name, values, 404, text)


@dataclass(frozen=True)
class Requests:
    """A request that is accepted, and the rules for what is in it."""

    method: str
    path: str
    good: dict[str, Any]
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def assert_refused(answer: Answer, rule: Rule, asked: str) -> None:
    assert answer.status == rule.status, f"{asked}: {answer.status} {answer.text}"
    assert answer.text.startswith(rule.text), f"{asked}: {answer.text}"
    assert answer.headers["X-Joule-Fault"], asked


# ------------------------------------------------------------------ values in a body

NO_BODY_IDS: tuple[object, ...] = (None, True, 1.5, "x", "", [], {}, [1])

NO_TEXTS: tuple[object, ...] = (1, True, [], {}, 1.5)

UNKNOWN_IDS = (0, -1, 99, 10**30, "99")

SPECIFICATION = "Invalid stream specification: "

BAD_DESTINATION = (
    bad("dest_path", ..., *NO_TEXTS, text="specify a destination"),
    bad(
        "dest_path", "", "b", "//", "/b/", "/b//c", "b/c", text="Destination error: invalid path ["
    ),
)

BAD_NAMES = (
    bad("stream.name", "", None, 5, [], True, text=SPECIFICATION + "missing name"),
    bad("stream.name", "a/b", "/", text=SPECIFICATION + "invalid name, '\\' not allowed"),
    bad(
        "stream.name",
        "x",
        "ev",
        text=SPECIFICATION + "stream with the same name exists in the folder",
    ),
)

BAD_UPDATE = (bad("id", ..., *NO_BODY_IDS, text="Invalid request: specify id"),)


def source(missing: str, fault: str) -> tuple[Rule, ...]:
    return (
        bad("src_path", ..., *NO_TEXTS, text=fault),
        unknown("src_path", "", "//", "/none", "/a/none", "\N{SNOWMAN}", text=missing),
    )


def at(path: str, value: object, base: dict[str, Any]) -> dict[str, Any]:
    """Give a copy of a body with one value changed, ``...`` removes it; ``a.0.b`` goes inside."""
    body: dict[str, Any] = json.loads(json.dumps(base))
    *parents, last = path.split(".")
    inner: Any = body
    for key in parents:
        inner = inner[int(key) if isinstance(inner, list) else key]
    place = int(last) if isinstance(inner, list) else last
    if value is ...:
        del inner[place]
    else:
        inner[place] = value
    return body


async def assert_rules(http: Http, route: Requests) -> None:
    """Check that a body is refused for each of the rules and that nothing stored has changed."""
    before = await everything(http)
    for rule in route.rules:
        for value in rule.values:
            answer = await http(route.method, route.path, json=at(rule.name, value, route.good))
            assert_refused(answer, rule, f"{route} {rule.name}={value!r}")
    assert await everything(http) == before


# ------------------------------------------------------------------ what must not change


@asynccontextmanager
async def furnished_node() -> AsyncIterator[RunningNode]:
    """Two intervals of rows, one event, one annotation; every id is 1 (of the folder /a 2)."""
    async with running_node(modules=TwoModules()) as running:
        stream = await add_stream(running, "/a/x")
        await plant(running, stream, rows_at(*range(10, 20)), rows_at(*range(30, 40)))
        events = await running.node.catalog.create_stream(EventStream(name="ev"), "/a")
        await running.node.events.write(events, [Event(10, 20, {"power": 3})])
        await running.node.annotations.create(stream, Annotation("note", 15))
        yield running


async def everything(http: Http) -> list[Any]:
    """All that the node keeps, in a form that can be compared."""
    return [
        (await http.get("/folders.json", data_info="")).json,
        (await http.get("/data", id=1)).body,
        (await http.get("/data/intervals.json", id=1)).json,
        (await http.get("/event/data.json", id=1, limit=100)).json,
        (await http("GET", "/annotations.json", {"stream_id": 1})).json,
        (await http.get("/masters.json")).json,
    ]
