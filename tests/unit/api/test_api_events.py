"""Event streams: paging without losses, ids that stay right, both ways to read."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from aiohttp import web

from joule.api import Event, EventStream, event_reading
from joule.errors import (
    ApiError,
    InvalidEventStreamParameter,
    InvalidRequestError,
    StreamNotFound,
)

if TYPE_CHECKING:
    from joule.api import TcpNode
    from tests.unit.api.support import FakeNode


@pytest.fixture
async def stream(node: TcpNode) -> EventStream:
    return await node.event_stream_create(EventStream("events"), "/folder")


def crowded(count: int, per_time: int) -> list[Event]:
    """Make events of which ``per_time`` share each start time; each lasts 25 us."""
    return [Event(i // per_time * 10, i // per_time * 10 + 25, {"n": i}) for i in range(count)]


def numbers(events: list[Event]) -> list[int]:
    return sorted(event.content["n"] for event in events)


# ------------------------------------------------------------------ streams


async def test_a_missing_stream_is_created_only_on_request(node: TcpNode) -> None:
    with pytest.raises(StreamNotFound):
        await node.event_stream_get("/a/events")
    fields = {"name": "string", "size": "numeric"}
    made = await node.event_stream_get(
        "/a/events", create=True, description="d", chunk_duration="1h", event_fields=fields
    )
    assert (made.name, made.description, made.event_fields) == ("events", "d", fields)
    assert made.chunk_duration_us == 3_600_000_000
    assert (await node.event_stream_get("/a/events", create=True)).id == made.id
    assert (await node.event_stream_get("/top", create=True)).name == "top"


async def test_only_a_path_can_be_created(node: TcpNode) -> None:
    with pytest.raises(StreamNotFound):
        await node.event_stream_get(99, create=True)


async def test_event_streams_are_changed_moved_and_deleted(
    node: TcpNode, stream: EventStream
) -> None:
    stream.name, stream.description = "renamed", "about it"
    await node.event_stream_update(stream)
    await node.event_stream_move(stream, "/other")
    assert (await node.event_stream_get("/other/renamed")).description == "about it"
    await node.event_stream_delete("/other/renamed")
    with pytest.raises(StreamNotFound):
        await node.event_stream_get(stream.id)


@pytest.mark.parametrize("bad", [1.5, None, True])
async def test_what_names_no_event_stream_is_refused(client: TcpNode, bad: Any) -> None:
    for call in (client.event_stream_get(bad), client.event_stream_write(bad, [])):
        with pytest.raises(InvalidEventStreamParameter) as caught:
            await call
        assert str(caught.value) == "Invalid stream datatype. Must be EventStream, Path, or ID"
    with pytest.raises(InvalidEventStreamParameter):
        client.event_stream_read(bad)


# ------------------------------------------------------------------ writing


async def test_written_events_get_their_ids(node: TcpNode, stream: EventStream) -> None:
    events = crowded(9_000, 3)
    assert await node.event_stream_write(stream, events) is events
    assert len({event.id for event in events}) == 9_000
    back = await node.event_stream_read_list(stream, limit=9_000)
    assert {event.id: event.content["n"] for event in back} == {
        event.id: event.content["n"] for event in events
    }


async def test_writing_events_again_updates_them(node: TcpNode, stream: EventStream) -> None:
    events = crowded(10, 1)
    await node.event_stream_write(stream, events)
    events[3].content = {"n": 333}
    await node.event_stream_write("/folder/events", events)
    (read,) = await node.event_stream_read_list(stream, json_filter='[[["n","eq",333]]]')
    read.content["n"] = 334
    await node.event_stream_write(stream, [read])
    assert await node.event_stream_count(stream) == 10
    assert 334 in numbers(await node.event_stream_read(stream))


async def test_events_of_another_node_are_added(node: TcpNode, stream: EventStream) -> None:
    await node.event_stream_write(stream, crowded(1, 1))
    (event,) = await node.event_stream_read(stream)
    event.node_uuid = "another"
    await node.event_stream_write(stream, [event])
    assert await node.event_stream_count(stream) == 2


async def test_events_too_large_for_one_request_travel_in_several(
    node: TcpNode, stream: EventStream
) -> None:
    events = [Event(i, i + 1, {"n": i, "text": "x" * 300_000}) for i in range(10)]
    await node.event_stream_write(stream, events)
    assert numbers(await node.event_stream_read(stream)) == list(range(10))


async def test_many_events_are_refused_for_what_one_is_refused_for(
    node: TcpNode, stream: EventStream
) -> None:
    for content in ({"x": float("nan")}, {"x": "\ud800"}):
        for count in (0, 500):
            with pytest.raises(InvalidRequestError, match="invalid json"):
                await node.event_stream_write(stream, [*crowded(count, 1), Event(1, 2, content)])
    for odd in ({"x": b"bytes"}, {"x": {1}}):
        with pytest.raises(TypeError):
            await node.event_stream_write(stream, [*crowded(500, 1), Event(1, 2, odd)])
    with pytest.raises(InvalidRequestError, match="must be before"):
        await node.event_stream_write(stream, [*crowded(500, 1), Event(2, 2)])
    assert await node.event_stream_count(stream) == 0


async def test_new_events_are_those_of_the_node_that_stored_them(
    fake: FakeNode, client: TcpNode
) -> None:
    answer = {"count": 1, "events": [event_json(5)]}
    fake.on_json("POST", "/event/data.json", answer | {"node_uuid": "u"})
    event = Event(5)
    await client.event_stream_write("/a", [event])
    assert (event.id, event.event_stream_id, event.node_uuid) == (5, 1, "u")
    assert [request.path for request in fake.requests] == ["/event/data.json"]


async def test_an_older_node_is_asked_who_it_is(fake: FakeNode, client: TcpNode) -> None:
    fake.on_json("POST", "/event/data.json", {"count": 1, "events": [event_json(5)]})
    fake.on_json("GET", "/version.json", {"version": "1", "name": "n", "uuid": "u"})
    event = Event(5)
    await client.event_stream_write("/a", [event])
    assert (event.id, event.event_stream_id, event.node_uuid) == (5, 1, "u")


async def test_numpy_values_in_events_are_plain_numbers(node: TcpNode, stream: EventStream) -> None:
    content = {"n": np.int64(5), "x": np.float32(0.5), "a": np.arange(2)}
    await node.event_stream_write(stream, [Event(1.9, 2, content)])
    (event,) = await node.event_stream_read(stream)
    assert (event.start_time, event.content) == (1, {"n": 5, "x": 0.5, "a": [0, 1]})


async def test_an_event_may_be_open(node: TcpNode, stream: EventStream) -> None:
    await node.event_stream_write(stream, [Event(5)])
    assert (await node.event_stream_read(stream, start=1_000))[0].end_time is None


async def test_what_is_no_event_is_refused(client: TcpNode) -> None:
    with pytest.raises(InvalidRequestError, match="Invalid event datatype"):
        await client.event_stream_write(1, [{"start_time": 1}])  # type: ignore[list-item]


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("per_time", [1, 3, 40])
@pytest.mark.parametrize("block_size", [1, 7, 1000])
async def test_no_event_is_lost_or_doubled_at_the_edge_of_a_block(
    node: TcpNode, stream: EventStream, per_time: int, block_size: int
) -> None:
    await node.event_stream_write(stream, crowded(100, per_time))
    blocks = [b async for b in node.event_stream_read(stream, block_size=block_size)]
    assert {len(block) for block in blocks[:-1]} <= {block_size}
    events = [event for block in blocks for event in block]
    assert numbers(events) == list(range(100))
    starts = [event.start_time for event in events]
    assert starts == sorted(starts)


async def test_reading_awaited_is_a_list_and_iterated_single_events(
    node: TcpNode, stream: EventStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_reading, "BLOCK_EVENTS", 16)
    await node.event_stream_write(stream, crowded(100, 3))
    assert numbers([event async for event in node.event_stream_read(stream)]) == list(range(100))
    assert numbers(await node.event_stream_read(stream)) == list(range(100))
    assert len(await node.event_stream_read(stream, limit=50)) == 50


async def test_a_list_that_was_cut_is_warned_of(
    node: TcpNode, stream: EventStream, caplog: pytest.LogCaptureFixture
) -> None:
    await node.event_stream_write(stream, crowded(10, 1))
    with caplog.at_level(logging.WARNING, logger="joule.api"):
        assert len(await node.event_stream_read_list(stream, limit=10)) == 10
        assert not caplog.records
        assert len(await node.event_stream_read_list(stream, limit=9)) == 9
    assert "only the first 9 events" in caplog.text


async def test_the_next_events_are_asked_for_before_the_last_ones_are_used(
    fake: FakeNode, client: TcpNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_reading, "BLOCK_EVENTS", 2)
    asked = endless_events(fake)
    async for event in client.event_stream_read("/a"):
        assert event.id == 0
        async with asyncio.timeout(5):
            while asked != [None, "1"]:
                await client.version()  # each is a request, which lets the other go on
        break  # what was asked ahead is given up,
    assert await client.version() == "1"  # and the node can be asked on
    assert asked == [None, "1"]


async def test_a_list_asks_for_no_more_than_it_gives(fake: FakeNode, client: TcpNode) -> None:
    asked = endless_events(fake)
    assert [event.id for event in await client.event_stream_read("/a", limit=3)] == [0, 1, 2]
    assert asked == [None]


async def test_a_fault_in_what_was_asked_ahead_comes_after_the_events_before_it(
    fake: FakeNode, client: TcpNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_reading, "BLOCK_EVENTS", 2)
    endless_events(fake, ends_at=1)
    seen: list[int] = []

    async def read() -> None:
        async for event in client.event_stream_read("/a"):
            seen.append(event.id)

    with pytest.raises(StreamNotFound):
        await read()
    assert seen == [0, 1]


def endless_events(fake: FakeNode, ends_at: int = 10**9) -> list[str | None]:
    """Let a node have an event at every time to ``ends_at``; gives the starts it is asked for."""
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        query = request.query
        asked.append(query.get("start"))
        first = int(query.get("start", 0))
        if first >= ends_at:
            return web.Response(status=404, text="stream does not exist")
        events = [event_json(n) for n in range(first, first + int(query["limit"]))]
        return web.json_response({"count": len(events), "events": events, "type": "events"})

    fake.on_json("GET", "/version.json", {"version": "1", "name": "n", "uuid": "u"})
    fake.on("GET", "/event/data.json", answer)
    return asked


def event_json(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "event_stream_id": 1,
        "start_time": number,
        "end_time": None,
        "content": {},
    }


@pytest.mark.parametrize("bounds", [(None, None), (55, None), (None, 55), (55, 120), (-9, 0)])
@pytest.mark.parametrize("ongoing", [True, False])
async def test_blocks_hold_the_events_that_are_counted(
    node: TcpNode,
    stream: EventStream,
    bounds: tuple[int | None, int | None],
    ongoing: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_reading, "BLOCK_EVENTS", 4)
    events = crowded(60, 3)
    await node.event_stream_write(stream, events)
    start = -(10**9) if bounds[0] is None else bounds[0]
    end = 10**9 if bounds[1] is None else bounds[1]
    expected = [
        event.content["n"]
        for event in events
        if event.start_time < end
        and (event.start_time >= start or (ongoing and (event.end_time or 0) >= start))
    ]
    options: dict[str, Any] = {"include_on_going_events": ongoing}
    read = [e async for e in node.event_stream_read(stream, *bounds, **options)]
    assert numbers(read) == expected
    assert await node.event_stream_count(stream, *bounds, **options) == len(expected)


async def test_filters_select_by_content(node: TcpNode, stream: EventStream) -> None:
    await node.event_stream_write(stream, crowded(20, 1))
    either = json.dumps([[["n", "lt", 2]], [["n", "gt", 10], ["n", "lte", 12]]])
    assert numbers(await node.event_stream_read(stream, json_filter=either)) == [0, 1, 11, 12]
    assert await node.event_stream_count(stream, json_filter=either) == 4
    await node.event_stream_remove(stream, json_filter=either)
    assert await node.event_stream_count(stream) == 16
    with pytest.raises(ApiError, match="invalid filter string"):
        await node.event_stream_read(stream, json_filter="x")


async def test_removing_takes_what_is_active_in_the_range(
    node: TcpNode, stream: EventStream
) -> None:
    await node.event_stream_write(stream, crowded(20, 1))
    await node.event_stream_remove(stream, start=100)
    info = await node.event_stream_info(stream)
    assert (info.start, info.end, info.event_count) == (0, 95, 8)
    await node.event_stream_remove(stream)
    assert (await node.event_stream_info(stream)).event_count == 0
    assert await node.event_stream_read(stream, end=50) == []


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
async def test_a_limit_must_be_a_positive_number(client: TcpNode, limit: Any) -> None:
    with pytest.raises(ApiError, match="limit must be an integer > 0"):
        await client.event_stream_read_list("/a", limit=limit)
    with pytest.raises(ApiError, match="block_size"):
        client.event_stream_read("/a", block_size=0)


async def test_an_older_node_is_asked_in_words_that_it_knows(
    fake: FakeNode, client: TcpNode
) -> None:
    fake.on_json("GET", "/version.json", {"version": "1", "name": "n", "uuid": "u"})
    fake.on_json("GET", "/event/data.json", {"count": 0, "events": [], "type": "events"})
    assert await client.event_stream_read_list("/a", 1.5, 9, "[]") == []
    assert dict(fake.requests[-1].query) == {
        "path": "/a",
        "start": "1",
        "end": "9",
        "filter": "[]",
        "include-ongoing-events": "1",
        "limit": "5000",
        "return-subset": "1",
    }


async def test_a_histogram_counts_the_events_of_each_piece(node: TcpNode) -> None:
    stream = await node.event_stream_create(EventStream("many"), "/a")
    assert await node.event_stream_histogram(stream) == []
    await node.event_stream_write(stream, [Event(10 * i, 10 * i + 5, {"n": i}) for i in range(500)])
    pieces = await node.event_stream_histogram(stream, 0, 5_000)
    assert 90 <= len(pieces) <= 110
    assert sum(piece.content["count"] for piece in pieces) == 500
    few = await node.event_stream_histogram(stream, json_filter='[[["n", "lt", 3]]]')
    assert sum(piece.content["count"] for piece in few) == 3


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, '[[["n", "lt", 3]]]'])
async def test_a_limit_that_is_none_is_refused_at_once(client: TcpNode, limit: Any) -> None:
    with pytest.raises(InvalidRequestError, match="limit must be an integer > 0"):
        client.event_stream_read("/a", None, None, limit)
