from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.models.events import EventStream
from tests.unit.server.support import add_stream, plant, rows_at

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http


async def test_the_empty_tree_is_a_locked_root(http: Http) -> None:
    tree = (await http.get("/folders.json")).json
    assert (tree["name"], tree["locked"], tree["children"]) == ("root", True, [])
    assert (tree["streams"], tree["event_streams"], tree["active_data_streams"]) == ([], [], [])


async def test_the_tree_holds_streams_and_tells_which_are_active(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running, "/a/b/x")
    async with await running.node.data.open_writer(stream):
        tree = (await http.get("/folders.json")).json
    leaf = tree["children"][0]["children"][0]
    assert leaf["streams"][0]["name"] == "x"
    assert leaf["streams"][0]["active"] is True
    assert "data_info" not in leaf["streams"][0]
    assert leaf["locked"] is True
    assert tree["active_data_streams"] == [stream.id]


async def test_the_tree_has_data_info_when_the_query_names_it(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running, "/x")
    await plant(running, stream, rows_at(1, 2, 3))
    await running.node.catalog.create_stream(EventStream(name="ev"), "/")
    tree = (await http("GET", "/folders.json", {"data-info": ""})).json
    info = tree["streams"][0]["data_info"]
    assert (info["start"], info["end"], info["rows"], info["total_time"]) == (1, 3, 3, 2)
    assert tree["event_streams"][0]["data_info"]["event_count"] == 0


async def test_a_folder_is_got_by_path_or_id(http: Http, running: RunningNode) -> None:
    await add_stream(running, "/a/b/x")
    folder = (await http.get("/folder.json", path="/a/b")).json
    assert (await http.get("/folder.json", id=folder["id"])).json == folder
    assert (await http.get("/folder.json", path="/")).json["name"] == "root"


async def test_a_folder_can_be_renamed_and_everything_else_is_ignored(
    http: Http, running: RunningNode
) -> None:
    await add_stream(running, "/a/x")
    folder = (await http.get("/folder.json", path="/a")).json
    changes = folder | {"name": "new", "description": "d", "children": "ignored"}
    updated = (await http.put("/folder.json", {"id": folder["id"], "folder": changes})).json
    assert (updated["name"], updated["description"]) == ("new", "d")
    assert updated["updated_at"] > folder["updated_at"]
    assert (await http.get("/folder.json", path="/new")).json == updated


async def test_a_folder_can_be_moved_to_a_new_place(http: Http, running: RunningNode) -> None:
    await add_stream(running, "/a/b/x")
    answer = await http.put("/folder/move.json", {"src_path": "/a/b", "dest_path": "/c/d"})
    assert answer.json["stream"]["name"] == "b"
    assert (await http.get("/folder.json", path="/c/d/b")).status == 200
    assert (await http.get("/folder.json", path="/a/b")).status == 404


async def test_a_folder_with_folders_is_deleted_only_recursively(
    http: Http, running: RunningNode
) -> None:
    await add_stream(running, "/a/b/x")
    answer = await http.delete("/folder.json", path="/a", recursive=0)
    assert (answer.status, answer.text) == (
        400,
        "specify [recursive] or remove child folders first",
    )
    assert (await http.delete("/folder.json", path="/a", recursive=1)).text == "ok"
    assert (await http.get("/folders.json")).json["children"] == []


BAD_GETS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "specify an id or a path"),
    ({"id": "x"}, 400, "parameter id must be an int"),
    ({"id": 99}, 404, "folder does not exist"),
    ({"id": "9" * 50}, 404, "folder does not exist"),
    ({"path": "/none"}, 404, "folder does not exist"),
]


@pytest.mark.parametrize(("query", "status", "text"), BAD_GETS)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_folder_that_is_not_there_is_named_so(
    http: Http, method: str, query: dict[str, Any], status: int, text: str
) -> None:
    answer = await http(method, "/folder.json", query)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize("path", ["a", "//", "/a/", "/a//b", "a/b", "\x00", "/" * 500])
async def test_an_odd_folder_path_is_a_clear_error(http: Http, path: str) -> None:
    answer = await http.get("/folder.json", path=path)
    assert answer.status in (400, 404)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "Invalid request: specify id"),
        ({"id": 99, "folder": {}}, 404, "folder does not exist"),
        ({"id": 1, "folder": {"name": "x"}}, 400, "folder is locked"),
        ({"id": 2}, 400, "Invalid request: specify folder as JSON"),
        ({"id": 2, "folder": "x"}, 400, "error: [folder] attribute must be JSON"),
        ({"id": 2, "folder": {"name": ""}}, 400, "error: missing name"),
        ({"id": 2, "folder": {"name": 4}}, 400, "error: missing name"),
        ({"id": 2, "folder": {"name": "a/b"}}, 400, "error: invalid name, '\\' not allowed"),
        (
            {"id": 2, "folder": {"name": "c"}},
            400,
            "a folder with this name is in the destination folder",
        ),
    ],
)
async def test_a_bad_folder_update_is_refused_with_its_reason(
    http: Http, running: RunningNode, body: dict[str, Any], status: int, text: str
) -> None:
    await add_stream(running, "/a/x")
    await add_stream(running, "/c/x")
    assert (await http.get("/folder.json", path="/a")).json["id"] == 2
    answer = await http.put("/folder.json", body)
    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"dest_path": "/a"}, 400, "specify an id or a path"),
        ({"src_path": "/none", "dest_path": "/a"}, 404, "folder does not exist"),
        ({"src_path": "/", "dest_path": "/a"}, 400, "folder is locked"),
        ({"src_path": "/a"}, 400, "specify a destination"),
        ({"src_path": "/a", "dest_path": "b"}, 400, "Destination error: invalid path [b]"),
        ({"src_path": "/a", "dest_path": ""}, 400, "Destination error: invalid path []"),
        ({"src_path": "/a", "dest_id": 99}, 404, "folder does not exist"),
        ({"src_path": "/a", "dest_path": "/a/n"}, 400, "cannot place a parent in a child folder"),
        ({"src_path": "/a", "dest_path": "/a"}, 400, "cannot place a parent in a child folder"),
        (
            {"src_path": "/a", "dest_path": "/"},
            400,
            "a folder with this name is in the destination folder",
        ),
    ],
)
async def test_a_bad_folder_move_is_refused_and_creates_nothing(
    http: Http, running: RunningNode, body: dict[str, Any], status: int, text: str
) -> None:
    await add_stream(running, "/a/x")
    before = (await http.get("/folders.json")).json
    answer = await http.put("/folder/move.json", body)
    assert (answer.status, answer.text) == (status, text)
    assert (await http.get("/folders.json")).json == before
