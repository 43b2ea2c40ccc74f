from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from joule.models.events import EventStream
from joule.wire.json_models import event_stream_to_json

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http


def stream_json(**changes: Any) -> dict[str, Any]:
    return event_stream_to_json(EventStream(name="new", event_fields={"a": "string"})) | changes


def event_json(start: Any, end: Any, content: Any = None, **ids: Any) -> dict[str, Any]:
    event = {"start_time": start, "end_time": end, "content": {} if content is None else content}
    return {"id": None, "event_stream_id": None} | event | ids


@pytest.fixture
async def stream(running: RunningNode) -> EventStream:
    return await running.node.catalog.create_stream(EventStream(name="ev"), "/a")


async def add(http: Http, *events: dict[str, Any]) -> list[dict[str, Any]]:
    answer = (await http.post("/event/data.json", {"path": "/a/ev", "events": events})).json
    assert answer["count"] == len(events)
    stored: list[dict[str, Any]] = answer["events"]
    return stored


# ------------------------------------------------------------------ event streams


async def test_an_event_stream_is_created_and_got_with_an_empty_info(http: Http) -> None:
    body = {"stream": stream_json(keep_us=7), "dest_path": "/a/b"}
    created = (await http.post("/event.json", body)).json
    got = (await http.get("/event.json", path="/a/b/new")).json
    assert got.pop("data_info") == {
        "start": None, "end": None, "event_count": 0, "bytes": 0, "total_time": 0
    }  # fmt: skip
    assert got == created
    assert (got["event_fields"], got["keep_us"]) == ({"a": "string"}, 7)


async def test_an_event_stream_is_updated_moved_and_deleted(
    http: Http, stream: EventStream
) -> None:
    changes = {"name": "other", "event_fields": {"power": "numeric"}}
    updated = (await http.put("/event.json", {"id": stream.id, "stream": changes})).json
    assert (updated["name"], updated["event_fields"]) == ("other", {"power": "numeric"})
    body = {"src_path": "/a/other", "dest_path": "/b"}
    assert (await http.put("/event/move.json", body)).json["stream"]["id"] == stream.id
    assert (await http.delete("/event.json", path="/b/other")).text == "ok"
    answer = await http.get("/event.json", id=stream.id)
    assert (answer.status, answer.text) == (404, "stream does not exist")


SPECIFICATION = "Invalid stream specification: "


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"name": "ev"}, SPECIFICATION + "stream with the same name exists in the folder"),
        ({"name": ""}, SPECIFICATION + "missing name"),
        ({"event_fields": []}, SPECIFICATION + "event_fields must be a dictionary, not a list"),
        (
            {"event_fields": {"a": "odd"}},
            SPECIFICATION
            + "invalid value in event_fields, must be [numeric|string|category:cat1,cat2,...]",
        ),
        ({"keep_us": "x"}, SPECIFICATION + "invalid keep_us, must be an integer"),
        ({"keep_us": 2**63}, SPECIFICATION + "invalid keep_us, must be an integer"),
        ({"keep_us": -2}, SPECIFICATION + "invalid keep_us, must be -1 (KEEP_ALL) or >= 0"),
        ({"chunk_duration_us": -1}, SPECIFICATION + "invalid chunk_duration_us, must be > 0"),
        (
            {"chunk_duration_us": 1.5},
            SPECIFICATION + "invalid chunk_duration_us, must be an integer",
        ),
    ],
)
async def test_a_bad_event_stream_is_refused_when_created_and_updated(
    http: Http, stream: EventStream, value: dict[str, Any], text: str
) -> None:
    body = {"stream": stream_json(**value), "dest_path": "/a"}
    answer = await http.post("/event.json", body)
    assert (answer.status, answer.text) == (400, text)
    other = (await http.post("/event.json", {"stream": stream_json(), "dest_path": "/a"})).json
    answer = await http.put("/event.json", {"id": other["id"], "stream": value})
    assert (answer.status, answer.text) == (400, text)


async def test_a_missing_attribute_of_a_new_event_stream_is_named(http: Http) -> None:
    body = stream_json()
    del body["event_fields"]
    answer = await http.post("/event.json", {"stream": body, "dest_path": "/"})
    assert answer.text == "Invalid or missing stream attribute: 'event_fields'"


async def test_a_move_needs_a_source(http: Http) -> None:
    answer = await http.put("/event/move.json", {"dest_path": "/b"})
    assert (answer.status, answer.text) == (400, "specify an id or a path")


async def test_event_streams_and_data_streams_are_told_apart(
    http: Http, stream: EventStream
) -> None:
    assert (await http.get("/stream.json", path="/a/ev")).status == 404
    assert (await http.get("/event/data/count.json", path="/a/none")).status == 404


# ------------------------------------------------------------------ writing


async def test_new_events_get_ids_in_order(http: Http, stream: EventStream) -> None:
    stored = await add(http, event_json(1, 2, {"n": 1}), event_json(5, None), event_json(3, 4))
    assert [e["id"] for e in stored] == sorted({e["id"] for e in stored})
    assert {e["event_stream_id"] for e in stored} == {stream.id}
    assert [e["start_time"] for e in stored] == [1, 5, 3]
    info = (await http.get("/event.json", id=stream.id)).json["data_info"]
    assert (info["start"], info["event_count"]) == (1, 3)


async def test_an_event_of_this_stream_is_replaced_and_any_other_is_new(
    http: Http, stream: EventStream
) -> None:
    (event,) = await add(http, event_json(1, 2, {"n": 1}))
    (again,) = await add(http, event | {"content": {"n": 2}})
    assert again["id"] == event["id"]
    foreign, unknown = await add(
        http, event | {"event_stream_id": stream.id + 1}, event | {"id": 9999}
    )
    assert len({event["id"], foreign["id"], unknown["id"], 9999}) == 4
    assert (await http.get("/event/data/count.json", id=stream.id)).json == {"count": 3}


@pytest.mark.parametrize(
    ("events", "text"),
    [
        (None, "specify events to add"),
        ("x", "specify events to add"),
        ([3], "all events must have an event_stream_id"),
        (
            [event_json(1, 2), {"start_time": 1, "end_time": 2, "content": {}}],
            "all events must have an event_stream_id",
        ),
        ([{"event_stream_id": None}], "Invalid or missing event attribute: 'start_time'"),
        ([event_json("x", 2)], "Invalid event JSON: start_time must be an integer"),
        ([event_json(1.5, 2)], "Invalid event JSON: start_time must be an integer"),
        ([event_json(10**30, None)], "Invalid event JSON: start_time must fit into 64 bits"),
        ([event_json(1, 2, [])], "Invalid event JSON: content must be an object"),
        ([event_json(1, 2, id=10**30)], "Invalid event JSON: id must fit into 64 bits"),
        (
            [event_json(0, 1), event_json(2, 2)],
            "[start_time] must be before [end_time] (event from 2 to 2)",
        ),
        ([event_json(2**63 - 1, None)], f"[start_time] must be before {2**63 - 1}"),
    ],
)
async def test_bad_events_are_refused_and_none_is_stored(
    http: Http, stream: EventStream, events: Any, text: str
) -> None:
    answer = await http.post("/event/data.json", {"id": stream.id, "events": events})
    assert (answer.status, answer.text) == (400, text)
    assert (await http.get("/event/data/count.json", id=stream.id)).json == {"count": 0}


# ------------------------------------------------------------------ reading


async def starts(http: Http, **query: Any) -> list[int]:
    answer = (await http("GET", "/event/data.json", {"path": "/a/ev"} | query)).json
    assert answer["type"] == "events"
    assert answer["count"] == len(answer["events"])
    return [event["start_time"] for event in answer["events"]]


async def test_events_come_by_start_time_in_the_range(http: Http, stream: EventStream) -> None:
    await add(http, *(event_json(t, t + 15) for t in (30, 10, 20)))
    assert await starts(http, limit=10) == [10, 20, 30]
    assert await starts(http, limit=10, start=20, end=30) == [20]
    ongoing = {"include-ongoing-events": 1}
    assert await starts(http, limit=10, start=25, end=30, **ongoing) == [10, 20]


async def test_a_soft_limit_gives_the_first_or_the_last_events(
    http: Http, stream: EventStream
) -> None:
    await add(http, *(event_json(t, t + 1) for t in range(10)))
    soft = {"limit": 3, "return-subset": ""}
    assert await starts(http, **soft) == [0, 1, 2]
    assert await starts(http, start=4, end=9, **soft) == [4, 5, 6]
    assert await starts(http, end=9, **soft) == [6, 7, 8]
    assert await starts(http, limit=0, **{"return-subset": ""}) == []


async def test_a_read_goes_on_behind_the_last_event_without_loss(
    http: Http, stream: EventStream
) -> None:
    await add(http, *(event_json(5, 6, {"n": n}) for n in range(7)))
    seen: list[int] = []
    query: dict[str, Any] = {"path": "/a/ev", "limit": 3, "return-subset": "", "end": 100}
    query |= {"after-start": 0, "after-id": 0}
    while events := (await http("GET", "/event/data.json", query)).json["events"]:
        seen += [event["content"]["n"] for event in events]
        query |= {"after-start": events[-1]["start_time"], "after-id": events[-1]["id"]}
    assert seen == list(range(7))


@pytest.mark.parametrize(("count", "kind"), [(199, "events"), (200, "events"), (201, "histogram")])
async def test_more_events_than_the_limit_are_a_histogram(
    http: Http, stream: EventStream, count: int, kind: str
) -> None:
    await add(http, *(event_json(t * 100, t * 100 + 50) for t in range(count)))
    answer = (await http.get("/event/data.json", path="/a/ev", limit=200)).json
    assert (answer["type"], answer["count"]) == (kind, count)
    if kind == "histogram":
        buckets = answer["events"]
        assert sum(bucket["content"]["count"] for bucket in buckets) == count
        assert {bucket["id"] for bucket in buckets} == {-1}
        assert all(a["end_time"] == b["start_time"] for a, b in pairwise(buckets))


async def test_events_of_one_moment_have_a_histogram_too(http: Http, stream: EventStream) -> None:
    await add(http, event_json(7, 8), event_json(7, None))
    answer = (await http.get("/event/data.json", path="/a/ev", limit=0)).json
    assert sum(bucket["content"]["count"] for bucket in answer["events"]) == 2


async def test_a_filter_selects_by_content(http: Http, stream: EventStream) -> None:
    await add(http, *(event_json(n, n + 1, {"n": n, "s": f"v{n}"}) for n in range(5)))
    text = json.dumps([[["n", "gt", "2"]], [["s", "is", "v0"]]])
    assert await starts(http, limit=10, filter=text) == [0, 3, 4]
    for everything in ("", "[]", "[[]]"):
        assert await starts(http, limit=10, filter=everything) == [0, 1, 2, 3, 4]
    count = await http.get("/event/data/count.json", path="/a/ev", filter=text)
    assert count.json == {"count": 3}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "limit parameter is required"),
        ({"limit": -1}, "limit parameter must be an integer > 0"),
        ({"limit": "x"}, "limit parameter must be an integer > 0"),
        ({"limit": 5, "start": 7, "end": 7}, "[start] must be before [end]"),
        ({"limit": 5, "filter": "x"}, "invalid filter string, must be valid JSON"),
        ({"limit": 5, "filter": "4"}, "invalid filter string, must be a list of lists"),
        (
            {"limit": 5, "include-ongoing-events": "x"},
            "parameter include-ongoing-events must be an int",
        ),
    ],
)
async def test_a_bad_read_of_events_is_refused(
    http: Http, stream: EventStream, query: dict[str, Any], text: str
) -> None:
    answer = await http("GET", "/event/data.json", {"id": stream.id} | query)
    assert (answer.status, answer.text) == (400, text)


async def test_removing_takes_ongoing_events_of_the_range_too(
    http: Http, stream: EventStream
) -> None:
    await add(http, event_json(1, 20), event_json(10, 11), event_json(30, 31))
    assert (await http.delete("/event/data.json", path="/a/ev", start=15, end=25)).text == "ok"
    assert await starts(http, limit=10) == [10, 30]
    assert (await http.delete("/event/data.json", path="/a/ev")).text == "ok"
    assert await starts(http, limit=10) == []
