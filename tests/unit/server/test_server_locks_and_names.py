"""Locks and names: what may not be changed while it is used, and which names are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.server.support import rows_at
from tests.unit.server.tree import (
    NEW_EVENTS,
    NEW_STREAM,
    Request,
    change,
    plant_tree,
    query,
    send,
    stamps,
)

if TYPE_CHECKING:
    from joule.models.streams import Stream
    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http

STREAM_CHANGES: list[Request] = [
    change("PUT", "/stream.json", id="{y}", stream={"name": "other"}),
    change("PUT", "/stream/move.json", src_path="/a/b/y", dest_path="/c"),
    query("DELETE", "/stream.json", id="{y}"),
]

EVENT_CHANGES: list[Request] = [
    change("PUT", "/event.json", id="{ev}", stream={"name": "new"}),
    change("PUT", "/event/move.json", src_path="/a/ev", dest_path="/c"),
    query("DELETE", "/event.json", id="{ev}"),
]

FOLDER_CHANGES: list[Request] = [
    change("PUT", "/folder.json", id="{a}", folder={"name": "n"}),
    change("PUT", "/folder/move.json", src_path="/a", dest_path="/c"),
    query("DELETE", "/folder.json", path="/a", recursive=1),
]

ALLOWED: list[Request] = [
    change("PUT", "/stream/move.json", src_path="/c/z", dest_path="/a/b"),
    change("PUT", "/folder/move.json", src_path="/c", dest_path="/a/b"),
    change("POST", "/stream.json", stream=NEW_STREAM, dest_path="/a/b"),
    change("POST", "/event.json", stream=NEW_EVENTS, dest_path="/a"),
    change("PUT", "/stream.json", id="{x}", stream={"name": "free"}),
    query("DELETE", "/data", id="{y}", start=12, end=14),
    query("POST", "/data/consolidate.json", id="{y}", max_gap=100),
    query("POST", "/data/decimate.json", id="{y}"),
    query("DELETE", "/event/data.json", id="{ev}"),
    change("POST", "/annotation.json", stream_id="{y}", title="t", start=5),
]


@pytest.fixture(autouse=True)
async def _planted(running: RunningNode) -> None:
    await plant_tree(running)


def stream_of(running: RunningNode, name: str) -> Stream:
    catalog = running.node.catalog
    return catalog.event_stream("/a/ev") if name == "ev" else catalog.data_stream("/a/b/y")


@pytest.mark.parametrize("flag", ["is_configured", "is_source", "is_destination"])
@pytest.mark.parametrize("asked", STREAM_CHANGES, ids=str)
async def test_a_data_stream_in_use_is_locked(
    http: Http, running: RunningNode, asked: Request, flag: str
) -> None:
    setattr(stream_of(running, "y"), flag, True)
    before = await stamps(http)
    answer = await send(http, asked)
    assert (answer.status, answer.text) == (400, "stream is locked")
    assert await stamps(http) == before
    shown = (await http.get("/stream.json", path="/a/b/y")).json
    assert (shown["locked"], shown["active"]) == (True, flag != "is_configured")
    setattr(stream_of(running, "y"), flag, False)
    assert (await send(http, asked)).status == 200


@pytest.mark.parametrize("asked", EVENT_CHANGES, ids=str)
async def test_a_configured_event_stream_is_locked(
    http: Http, running: RunningNode, asked: Request
) -> None:
    stream_of(running, "ev").is_configured = True
    before = await stamps(http)
    answer = await send(http, asked)
    assert (answer.status, answer.text) == (400, "stream is locked")
    assert await stamps(http) == before


@pytest.mark.parametrize("name", ["y", "ev"])
@pytest.mark.parametrize("asked", FOLDER_CHANGES, ids=str)
async def test_a_folder_with_a_locked_stream_below_it_is_locked(
    http: Http, running: RunningNode, asked: Request, name: str
) -> None:
    stream_of(running, name).is_configured = True
    before = await stamps(http)
    answer = await send(http, asked)
    assert (answer.status, answer.text) == (400, "folder is locked")
    assert await stamps(http) == before
    assert (await http.get("/folder.json", path="/a")).json["locked"] is True
    assert (await http.get("/folder.json", path="/c")).json["locked"] is False


@pytest.mark.parametrize("asked", ALLOWED, ids=str)
async def test_a_lock_is_only_on_what_is_changed_itself(
    http: Http, running: RunningNode, asked: Request
) -> None:
    for name in ("y", "ev"):
        stream_of(running, name).is_configured = True
    answer = await send(http, asked)
    assert answer.status == 200, answer.text


async def test_a_locked_stream_can_be_written(http: Http, running: RunningNode) -> None:
    stream_of(running, "y").is_configured = True
    assert (await http.write("/a/b/y", rows_at(50, 60).tobytes())).text == "ok"


async def test_a_stream_is_locked_while_it_is_written_and_not_after(
    http: Http, running: RunningNode
) -> None:
    async with await running.node.data.open_writer(running.node.catalog.data_stream("/a/b/y")):
        for asked in (*STREAM_CHANGES, *FOLDER_CHANGES):
            assert "is locked" in (await send(http, asked)).text
        taken = await http.write("/a/b/y", rows_at(50, 60).tobytes())
        assert taken.text == "DataStream [y] is already being produced"
    assert (await send(http, STREAM_CHANGES[0])).status == 200


# ------------------------------------------------------------------ names

TAKEN = "Invalid stream specification: stream with the same name exists in the folder"
TAKEN_THERE = "stream with the same name exists in the destination folder"
FOLDER_TAKEN = "a folder with this name is in the destination folder"

NAMES: list[tuple[Request, str]] = [
    (change("POST", "/stream.json", stream=NEW_STREAM | {"name": "x"}, dest_path="/a"), TAKEN),
    (change("POST", "/stream.json", stream=NEW_STREAM | {"name": "ev"}, dest_path="/a"), TAKEN),
    (change("POST", "/event.json", stream=NEW_EVENTS | {"name": "x"}, dest_path="/a"), TAKEN),
    (change("POST", "/event.json", stream=NEW_EVENTS | {"name": "ev"}, dest_path="/a"), TAKEN),
    (change("POST", "/stream.json", stream=NEW_STREAM | {"name": "b"}, dest_path="/a"), ""),
    (change("POST", "/stream.json", stream=NEW_STREAM | {"name": "X"}, dest_path="/a"), ""),
    (change("POST", "/stream.json", stream=NEW_STREAM | {"name": "x "}, dest_path="/a"), ""),
    (change("POST", "/stream.json", stream=NEW_STREAM | {"name": "x"}, dest_path="/a/b"), ""),
    # The ids of x and ev are both 1: each kind counts for itself.
    (change("PUT", "/stream.json", id="{x}", stream={"name": "ev"}), TAKEN),
    (change("PUT", "/event.json", id="{ev}", stream={"name": "x"}), TAKEN),
    (change("PUT", "/stream.json", id="{x}", stream={"name": "x"}), ""),
    (change("PUT", "/stream.json", id="{x}", stream={"name": "b"}), ""),
    (change("PUT", "/stream/move.json", src_path="/a/x", dest_path="/a"), TAKEN_THERE),
    (change("PUT", "/event/move.json", src_path="/a/ev", dest_path="/a"), TAKEN_THERE),
    (change("PUT", "/folder.json", id="{a}", folder={"name": "c"}), FOLDER_TAKEN),
    (change("PUT", "/folder.json", id="{a}", folder={"name": "a"}), ""),
    (change("PUT", "/folder.json", id="{a}", folder={"name": "C"}), ""),
    (change("PUT", "/folder.json", id="{b}", folder={"name": "x"}), ""),
    (change("PUT", "/folder/move.json", src_path="/a/b", dest_path="/a"), FOLDER_TAKEN),
    (change("PUT", "/folder/move.json", src_path="/a", dest_path="/a"), "cannot place a parent"),
]


@pytest.mark.parametrize(("asked", "fault"), NAMES, ids=str)
async def test_a_name_is_free_or_taken(http: Http, asked: Request, fault: str) -> None:
    answer = await send(http, asked)
    assert answer.status == (400 if fault else 200), answer.text
    assert answer.text.startswith(fault)


async def test_a_name_in_the_way_refuses_a_move(http: Http) -> None:
    await send(http, change("PUT", "/stream.json", id="{z}", stream={"name": "ev"}))
    answer = await http.put("/stream/move.json", {"src_path": "/c/ev", "dest_path": "/a"})
    assert (answer.status, answer.text) == (400, TAKEN_THERE)


async def test_a_name_is_free_again_when_its_owner_has_gone(http: Http) -> None:
    created = change("POST", "/event.json", stream=NEW_EVENTS | {"name": "x"}, dest_path="/a")
    assert (await send(http, created)).status == 400
    await http.delete("/stream.json", path="/a/x")
    assert (await send(http, created)).status == 200
