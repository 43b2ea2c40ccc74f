"""Numbers beyond 64 bits in every parameter that is one, with the engine that stores for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from joule.models.annotations import Annotation
from joule.models.events import Event, EventStream
from joule.storage.embedded import EmbeddedEngine
from joule.testing.node import running_node
from joule.wire.openapi import OPERATIONS
from tests.unit.server.support import Http, add_stream, plant, rows_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.testing.node import RunningNode
    from joule.wire.openapi.operations import Operation

HUGE = (2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**20, 10**399)

NUMBERS = [
    (one, parameter.name)
    for one in OPERATIONS
    for parameter in one.parameters
    if parameter.schema.get("type") == "integer" or parameter.name == "decimation-level"
]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningNode]:
    async with running_node(engine=EmbeddedEngine(tmp_path / "joule.db")) as node:
        stream = await add_stream(node, "/a/x")
        await plant(node, stream, rows_at(*range(10, 20)), rows_at(*range(30, 40)))
        events = await node.node.catalog.create_stream(EventStream(name="ev"), "/a")
        await node.node.events.write(events, [Event(10, 20, {"power": 3})])
        await node.node.annotations.create(stream, Annotation("note", 15))
        yield node


@pytest.fixture
async def http(running: RunningNode) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(headers={"X-API-KEY": running.key}) as session:
        yield Http(session, running.url)


async def test_a_number_may_be_as_large_as_it_likes(http: Http) -> None:
    for one, name in NUMBERS:
        for number in HUGE:
            for value in (number, -number):
                await ask(http, one, name, value)


async def ask(http: Http, one: Operation, name: str, value: int) -> None:
    query: dict[str, object] = {"id": 1, "stream_id": 1, "limit": 5, "max_gap": 5}
    if name == "after-start":
        query["after-id"] = value
    if one.name == "events_read":
        query["return-subset"] = ""
    answer = await http(one.method.upper(), one.path, query | {name: value})
    assert answer.status < 500, f"{one.name} {name}={value}: {answer.text}"
