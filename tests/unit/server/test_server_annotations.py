from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.models.events import EventStream
from tests.unit.server.support import add_stream

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http


@pytest.fixture
async def stream(running: RunningNode) -> DataStream:
    return await add_stream(running, "/a/x")


async def note(http: Http, title: str, start: Any, **more: Any) -> dict[str, Any]:
    body = {"stream_path": "/a/x", "title": title, "start": start} | more
    annotation: dict[str, Any] = (await http.post("/annotation.json", body)).json
    return annotation


async def titles(http: Http, **query: Any) -> list[str]:
    answer = await http("GET", "/annotations.json", query)
    return [annotation["title"] for annotation in answer.json]


async def test_an_annotation_is_created_and_listed(http: Http, stream: DataStream) -> None:
    made = await note(http, "Demo", 10, end=None)
    assert made == {
        "id": made["id"], "title": "Demo", "content": None, "start": 10, "stream_id": stream.id,
        "end": None,
    }  # fmt: skip
    assert (await http.get("/annotations.json", stream_id=stream.id)).status == 400
    assert (await http("GET", "/annotations.json", {"stream_id": stream.id})).json == [made]


async def test_times_may_be_numbers_or_their_text(http: Http, stream: DataStream) -> None:
    made = await note(http, "t", "1600000000000001", end=1600000000000002.5, content="c")
    assert (made["start"], made["end"]) == (1600000000000001, 1600000000000002)
    assert made["content"] == "c"


async def test_the_range_of_a_list_includes_its_end(http: Http, stream: DataStream) -> None:
    for start in (30, 10, 20):
        await note(http, f"n{start}", start)
    assert await titles(http, stream_id=stream.id) == ["n10", "n20", "n30"]
    assert await titles(http, stream_id=stream.id, start=10, end=20) == ["n10", "n20"]
    assert await titles(http, stream_id=stream.id, start=25, end=5) == []
    assert await titles(http, stream_id=99) == []


async def test_annotations_of_several_streams_come_in_one_list(
    http: Http, running: RunningNode, stream: DataStream
) -> None:
    other = await add_stream(running, "/a/y")
    await note(http, "one", 1)
    await note(http, "two", 2, stream_id=other.id)
    url = f"/annotations.json?stream_id={other.id}&stream_path=/a/x&stream_id={stream.id}"
    assert [a["title"] for a in (await http("GET", url)).json] == ["one", "two"]


async def test_the_info_counts_and_has_the_first_and_last_start(
    http: Http, stream: DataStream
) -> None:
    query = {"stream_path": "/a/x"}
    empty = (await http("GET", "/annotations/info.json", query)).json
    assert empty == {"start": None, "end": None, "count": 0}
    await note(http, "a", 5, end=100)
    await note(http, "b", 7)
    full = (await http("GET", "/annotations/info.json", {"stream_id": stream.id})).json
    assert full == {"start": 5, "end": 7, "count": 2}


async def test_title_and_content_can_be_changed_and_times_cannot(
    http: Http, stream: DataStream
) -> None:
    made = await note(http, "old", 5, end=9)
    body = {"id": made["id"], "title": "new", "content": "text", "start": 1, "end": 2}
    changed = (await http.put("/annotation.json", body)).json
    assert changed == made | {"title": "new", "content": "text"}


async def test_annotations_are_deleted_singly_or_by_range(http: Http, stream: DataStream) -> None:
    notes = [await note(http, f"n{start}", start) for start in (1, 2, 3, 4)]
    assert (await http.delete("/annotation.json", id=notes[0]["id"])).text == "ok"
    query = {"stream_id": stream.id, "start": 3, "end": 4}
    assert (await http("DELETE", "/stream/annotations.json", query)).text == "ok"
    assert await titles(http, stream_id=stream.id) == ["n2"]
    assert (await http.delete("/stream.json", id=stream.id)).text == "ok"
    assert await titles(http, stream_id=stream.id) == []


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"title": "t", "start": 1}, 400, "specify a stream_id"),
        ({"stream_id": "x", "title": "t", "start": 1}, 400, "specify a stream_id"),
        ({"stream_id": 99, "title": "t", "start": 1}, 404, "stream does not exist"),
        ({"stream_path": "/no", "title": "t", "start": 1}, 404, "stream does not exist"),
        ({"stream_id": 1, "title": "t"}, 400, "invalid values for annotation"),
        ({"stream_id": 1, "title": "t", "start": "x"}, 400, "invalid values for annotation"),
        ({"stream_id": 1, "title": "t", "start": [1]}, 400, "invalid values for annotation"),
        ({"stream_id": 1, "title": "t", "start": 10**30}, 400, "invalid values for annotation"),
        ({"stream_id": 1, "title": 5, "start": 1}, 400, "invalid values for annotation"),
        ({"stream_id": 1, "title": "", "start": 1}, 400, "title is reqiured"),
        ({"stream_id": 1, "title": None, "start": 1}, 400, "title is reqiured"),
        ({"stream_id": 1, "title": "t", "start": 2, "end": 2}, 400, "[start] must be before [end]"),
    ],
)
async def test_a_bad_annotation_is_refused(
    http: Http, stream: DataStream, body: dict[str, Any], status: int, text: str
) -> None:
    answer = await http.post("/annotation.json", body)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "text"),
    [
        ("GET", "/annotations.json", {}, 400,
         "must specify at least one stream_id or stream_path"),
        ("GET", "/annotations.json", {"stream_id": "x"}, 400, "parameter stream_id must be an int"),
        ("GET", "/annotations.json", {"stream_path": "/no"}, 404, "stream does not exist"),
        ("GET", "/annotations.json", {"stream_id": 1, "start": "x"}, 400,
         "[start] and [end] must be microsecond utc timestamps"),
        ("GET", "/annotations/info.json", {}, 400, "specify an id or a path"),
        ("GET", "/annotations/info.json", {"stream_id": 99}, 404, "stream does not exist"),
        ("DELETE", "/annotation.json", {}, 400, "specify an id"),
        ("DELETE", "/annotation.json", {"id": 99}, 404, "annotation does not exist"),
        ("DELETE", "/stream/annotations.json", {}, 400, "specify an id or a path"),
    ],
)  # fmt: skip
async def test_a_bad_request_for_annotations_is_refused(
    http: Http, stream: DataStream, method: str, path: str, query: Any, status: int, text: str
) -> None:
    answer = await http(method, path, query)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [
        ({"id": None}, 400, "specify an id"),
        ({"id": 99}, 404, "annotation does not exist"),
        ({"title": ""}, 400, "annotation title is reqiured"),
        ({"title": None}, 400, "annotation title is reqiured"),
        ({"title": 4}, 400, "invalid values for annotation"),
        ({"content": 4}, 400, "invalid values for annotation"),
    ],
)
async def test_a_bad_change_of_an_annotation_is_refused(
    http: Http, stream: DataStream, values: dict[str, Any], status: int, text: str
) -> None:
    made = await note(http, "t", 1)
    answer = await http.put("/annotation.json", {"id": made["id"]} | values)
    assert (answer.status, answer.text) == (status, text)


async def test_the_map_leads_from_elements_to_streams_and_folders(
    http: Http, running: RunningNode, stream: DataStream
) -> None:
    events = await running.node.catalog.create_stream(EventStream(name="ev"), "/b/c")
    await add_stream(running, "/unrelated/z")
    element = stream.elements[1].id
    query = {"data_stream_elements": f"[{element}, 9999]", "event_streams": f"[{events.id}]"}
    answer = (await http("GET", "/folder/map.json", query)).json
    folders = [(await http.get("/folder.json", path=p)).json["id"] for p in ("/", "/a", "/b")]
    folders.append((await http.get("/folder.json", path="/b/c")).json["id"])
    assert answer == {
        "node_uuid": str(running.node.uuid),
        "event_stream_ids": [events.id],
        "data_stream_ids": [stream.id],
        "data_element_ids": [element, 9999],
        "folder_ids": sorted(folders),
        "data_stream_element_map": {str(element): stream.id},
    }


async def test_the_map_of_nothing_is_empty(http: Http) -> None:
    answer = (await http.get("/folder/map.json")).json
    assert answer.pop("node_uuid")
    assert not any(answer.values())


@pytest.mark.parametrize("text", ["x", "4", '["a"]', "[1.5]", "[true]", "[" * 2_000])
async def test_a_bad_list_of_ids_is_refused(http: Http, text: str) -> None:
    answer = await http("GET", "/folder/map.json", {"event_streams": text})
    assert answer.status == 400
    assert answer.text == "parameter event_streams must be a JSON list of ids"
