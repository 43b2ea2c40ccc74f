"""Copies of events that replace others, cut off at any request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.api import Event, TcpNode
from joule.cli.event import copy as copying
from joule.cli.event import replacing
from joule.cli.event.copy import EventRequest, copy_events
from joule.errors import NodeConnectionError
from joule.testing.node import running_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.api.targets import EventStreamSpec
    from joule.testing.node import RunningNode

OLD = [Event(n, n + 5, {"old": n}) for n in range(10, 22)]
NEW = [Event(n, n + 1, {"new": n}) for n in range(12, 20)]
BEFORE = Event(1, None, {"before": 1})


class CutNode(TcpNode):
    """A node whose connection breaks before or after one of the requests that change something."""

    requests_left = -1
    is_heard = True

    async def event_stream_write(
        self, stream: EventStreamSpec, events: Sequence[Event]
    ) -> Sequence[Event]:
        if self._is_cut() and not self.is_heard:
            raise NodeConnectionError("before")
        done = await super().event_stream_write(stream, events)
        self._check()
        return done

    async def event_stream_remove(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        json_filter: str | None = None,
    ) -> None:
        if self._is_cut() and not self.is_heard:
            raise NodeConnectionError("before")
        await super().event_stream_remove(stream, start, end, json_filter)
        self._check()

    def _is_cut(self) -> bool:
        self.requests_left -= 1
        return self.requests_left == -1

    def _check(self) -> None:
        if self.requests_left == -1:
            raise NodeConnectionError("after")


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningNode]:
    """A node with the source and the destination of a copy, in small steps."""
    for module in (copying, replacing):
        monkeypatch.setattr(module, "BLOCK", 3)
    async with running_node() as running, TcpNode("node", running.url, running.key) as node:
        await write(node, "/a/source", NEW)
        yield running


async def write(node: TcpNode, path: str, events: list[Event]) -> None:
    stream = await node.event_stream_get(path, create=True)
    await node.event_stream_remove(stream)
    fresh = [Event(each.start_time, each.end_time, each.content) for each in events]
    await node.event_stream_write(stream, fresh)


def request() -> EventRequest:
    return EventRequest("/a/source", "/a/destination", start=10, end=22, action="replace")


async def there(server: RunningNode) -> list[Event]:
    async with TcpNode("node", server.url, server.key) as node:
        return await node.event_stream_read("/a/destination")


def unmarked(events: list[Event]) -> list[Event]:
    for event in events:
        event.content.pop(replacing.MARK, None)
    return events


@pytest.mark.parametrize("is_heard", [True, False])
@pytest.mark.parametrize("steps", range(8))
async def test_a_replacement_that_is_cut_loses_nothing_and_is_completed(
    server: RunningNode, *, steps: int, is_heard: bool
) -> None:
    async with CutNode("node", server.url, server.key) as node:
        await write(node, "/a/destination", [BEFORE, *OLD])
        node.is_heard, node.requests_left = is_heard, steps
        with pytest.raises(NodeConnectionError):
            await copy_events(node, node, request())
        found = unmarked(await there(server))
        assert all(event in found for event in OLD) or all(event in found for event in NEW)
        assert BEFORE in found
        await copy_events(node, node, request())
    assert await there(server) == [BEFORE, *NEW]


async def test_what_others_write_meanwhile_is_not_replaced(server: RunningNode) -> None:
    async with TcpNode("node", server.url, server.key) as node:
        await write(node, "/a/destination", [BEFORE, *OLD])
        stream = await node.event_stream_get("/a/destination")
        replaced = await replacing.Replaced.look(node, stream, 10, 22)
        await node.event_stream_write(stream, [Event(15, None, {"meanwhile": 1})])
        await replaced.remove()
    assert await there(server) == [BEFORE, Event(15, None, {"meanwhile": 1})]
