from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from joule.models.streams import DataStream, Element
from joule.wire.json_models import data_stream_to_json
from tests.unit.server.support import add_stream, plant, rows_at

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http


def stream_json(**changes: Any) -> dict[str, Any]:
    elements = [Element(name="x"), Element(name="y")]
    return data_stream_to_json(DataStream(name="new", elements=elements)) | changes


def element_json(**changes: Any) -> dict[str, Any]:
    element: dict[str, Any] = stream_json()["elements"][0]
    return element | changes


async def test_a_stream_is_created_in_a_new_folder(http: Http) -> None:
    body = {"stream": stream_json(id=77, is_destination=True), "dest_path": "/a/b"}
    created = (await http.post("/stream.json", body)).json
    assert (created["layout"], created["locked"], created["active"]) == ("float32_2", False, False)
    assert [e["index"] for e in created["elements"]] == [0, 1]
    assert all(isinstance(e["id"], int) for e in created["elements"])
    got = (await http("GET", "/stream.json", {"path": "/a/b/new", "no-info": ""})).json
    assert got == created


async def test_a_stream_shows_data_info_unless_told_not_to(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(10, 20))
    got = (await http.get("/stream.json", id=stream.id)).json
    assert got["data_info"]["rows"] == 2
    got = (await http("GET", "/stream.json", {"id": stream.id, "no-info": "0"})).json
    assert "data_info" not in got


async def test_a_stream_that_never_held_data_has_an_empty_info(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    got = (await http.get("/stream.json", id=stream.id)).json
    assert got["data_info"] == {
        "start": None, "end": None, "rows": 0, "bytes": 0, "total_time": 0
    }  # fmt: skip


async def test_a_stream_is_updated_in_parts_and_its_elements_by_place(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    changes = {
        "name": "renamed", "keep_us": 5, "datatype": "int16",
        "elements": [{"units": "V", "display_type": "discrete", "scale_factor": 2}, {}],
    }  # fmt: skip
    updated = (await http.put("/stream.json", {"id": stream.id, "stream": changes})).json
    assert (updated["name"], updated["keep_us"], updated["datatype"]) == ("renamed", 5, "float32")
    first, second = updated["elements"]
    assert (first["units"], first["display_type"], first["scale_factor"]) == ("V", "DISCRETE", 2.0)
    assert (first["name"], second["name"]) == ("e0", "e1")


async def test_a_stream_is_moved_with_its_data(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1))
    body = {"src_path": "/a/b/x", "dest_path": "/c"}
    assert (await http.put("/stream/move.json", body)).json["stream"]["id"] == stream.id
    assert (await http.get("/stream.json", path="/c/x")).json["data_info"]["rows"] == 1
    assert (await http.get("/stream.json", path="/a/b/x")).status == 404


async def test_a_stream_is_deleted(http: Http, running: RunningNode) -> None:
    await add_stream(running)
    assert (await http.delete("/stream.json", path="/a/b/x")).text == "ok"
    answer = await http.get("/stream.json", path="/a/b/x")
    assert (answer.status, answer.text) == (404, "stream does not exist")
    assert answer.headers["X-Joule-Fault"] == "StreamNotFound"


async def test_a_stream_in_use_is_locked(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    async with await running.node.data.open_writer(stream):
        answers = [
            await http.delete("/stream.json", id=stream.id),
            await http.put("/stream.json", {"id": stream.id, "stream": {"name": "y"}}),
            await http.put("/stream/move.json", {"src_id": stream.id, "dest_path": "/c"}),
        ]
    assert {(a.status, a.text) for a in answers} == {(400, "stream is locked")}


def without(key: str) -> dict[str, Any]:
    body = stream_json()
    del body[key]
    return body


SPECIFICATION = "Invalid stream specification: "


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (without("name"), "Invalid or missing stream attribute: 'name'"),
        (without("is_source"), "Invalid or missing stream attribute: 'is_source'"),
        (stream_json(elements=[{"name": "x"}]), "Invalid or missing stream attribute: "),
        ("float32", "Invalid stream JSON: "),
        (stream_json(elements=4), "Invalid stream JSON: "),
        (stream_json(keep_us="long"), "Invalid stream JSON: "),
        (stream_json(elements=[element_json(offset="x")]), "Invalid stream JSON: "),
        (stream_json(name=""), SPECIFICATION + "missing name"),
        (stream_json(name=7), SPECIFICATION + "missing name"),
        (stream_json(name="a/b"), SPECIFICATION + "invalid name, '\\' not allowed"),
        (
            stream_json(datatype="uint8"),
            SPECIFICATION
            + "invalid datatype [uint8], choose from [float64, float32, int64, int32, int16]",
        ),
        (
            stream_json(elements=[element_json(display_type="odd")]),
            SPECIFICATION + "invalid display_type [odd], choose from [discrete, continuous, event]",
        ),
        (stream_json(elements=[]), SPECIFICATION + "stream must have at least one element"),
        (
            stream_json(elements=[element_json(), element_json()]),
            SPECIFICATION + "element names must be unique",
        ),
        (
            stream_json(name="x"),
            SPECIFICATION + "stream with the same name exists in the folder",
        ),
    ],
)
async def test_a_bad_new_stream_is_refused_and_creates_nothing(
    http: Http, running: RunningNode, stream: Any, text: str
) -> None:
    await add_stream(running, "/a/x")
    before = (await http.get("/folders.json")).json
    for body in ({"stream": stream, "dest_path": "/a"}, {"stream": stream, "dest_id": 2}):
        answer = await http.post("/stream.json", body)
        assert answer.status == 400
        assert answer.text.startswith(text)
    assert (await http.get("/folders.json")).json == before


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"dest_path": "/"}, 400, "provide a stream"),
        ({"stream": stream_json()}, 400, "specify a destination"),
        ({"stream": stream_json(), "dest_path": 4}, 400, "specify a destination"),
        ({"stream": stream_json(), "dest_id": 99}, 404, "folder does not exist"),
        (
            {"stream": stream_json(), "dest_path": "/a//b"},
            400,
            "Destination error: invalid path [/a//b]",
        ),
    ],
)
async def test_a_new_stream_needs_a_destination(
    http: Http, body: dict[str, Any], status: int, text: str
) -> None:
    answer = await http.post("/stream.json", body)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "Invalid request: specify id"),
        ({"id": 99, "stream": {}}, 404, "stream does not exist"),
        ({"id": 1}, 400, "Invalid request: specify stream as JSON"),
        ({"id": 1, "stream": []}, 400, "error: [stream] attribute must be JSON"),
        ({"id": 1, "stream": {"elements": []}}, 400, SPECIFICATION + "incorrect number"),
        ({"id": 1, "stream": {"elements": 4}}, 400, SPECIFICATION),
        ({"id": 1, "stream": {"elements": [3, 4]}}, 400, SPECIFICATION),
        ({"id": 1, "stream": {"name": None}}, 400, SPECIFICATION + "missing name"),
        ({"id": 1, "stream": {"name": ["x"]}}, 400, SPECIFICATION + "missing name"),
        ({"id": 1, "stream": {"keep_us": "x"}}, 400, SPECIFICATION),
        ({"id": 1, "stream": {"keep_us": 2**63}}, 400, SPECIFICATION + "invalid keep_us"),
        ({"id": 1, "stream": {"elements": [{"offset": "inf"}, {}]}}, 400, SPECIFICATION),
        ({"id": 1, "stream": {"elements": [{"default_max": 10**400}, {}]}}, 400, SPECIFICATION),
        ({"id": 1, "stream": {"decimate": "x"}}, 400, SPECIFICATION),
        ({"id": 1, "stream": {"description": {}}}, 400, SPECIFICATION),
        (
            {"id": 1, "stream": {"elements": [{"offset": "x"}, {}]}},
            400,
            SPECIFICATION + "Invalid element configuration: ",
        ),
        (
            {"id": 1, "stream": {"elements": [{"display_type": 3}, {}]}},
            400,
            SPECIFICATION + "invalid display_type",
        ),
    ],
)  # fmt: skip
async def test_a_bad_stream_update_is_refused_and_changes_nothing(
    http: Http, running: RunningNode, body: dict[str, Any], status: int, text: str
) -> None:
    await add_stream(running)
    before = (await http.get("/folders.json")).json
    answer = await http.put("/stream.json", body)
    assert answer.status == status
    assert answer.text.startswith(text)
    assert (await http.get("/folders.json")).json == before


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"dest_path": "/"}, 400, "specify a source id or a path"),
        ({"src_id": 99, "dest_path": "/"}, 404, "stream does not exist"),
        ({"src_id": 1}, 400, "specify a destination"),
        ({"src_id": 1, "dest_id": 99}, 404, "folder does not exist"),
        (
            {"src_id": 1, "dest_path": "/a/b"},
            400,
            "stream with the same name exists in the destination folder",
        ),
    ],
)
async def test_a_bad_stream_move_is_refused(
    http: Http, running: RunningNode, body: dict[str, Any], status: int, text: str
) -> None:
    await add_stream(running)
    answer = await http.put("/stream/move.json", body)
    assert (answer.status, answer.text) == (status, text)


BODY_ROUTES = [
    ("PUT", "/folder.json"), ("PUT", "/folder/move.json"), ("POST", "/stream.json"),
    ("PUT", "/stream.json"), ("PUT", "/stream/move.json"), ("POST", "/event.json"),
    ("PUT", "/event.json"), ("PUT", "/event/move.json"), ("POST", "/event/data.json"),
    ("POST", "/master.json"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), BODY_ROUTES)
async def test_a_body_must_be_a_json_object(http: Http, method: str, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http(method, path, data=b"{", headers=headers)
    assert (answer.status, answer.text) == (400, "invalid json")
    answer = await http(method, path, data=b"[1]", headers=headers)
    assert (answer.status, answer.text) == (400, "the request must be a JSON object")
    answer = await http(method, path, data=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.text) == (400, "content-type must be application/json")
    answer = await http(method, path, data=BytesIO(b" " * (2**20 + 1)), headers=headers)
    assert answer.status == 413
