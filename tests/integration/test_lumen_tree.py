"""What a Lumen server sees of folders and streams, and that it sees every change of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.models.events import EventStream
from joule.models.streams import DataStream, Element
from tests.integration.daemon import wait_until
from tests.integration.lumen_requests import DEEP, MARKS, ROWS, STEP, T0, folders, stream_of

if TYPE_CHECKING:
    from joule.api import Node
    from tests.integration.lumen_requests import Lumen

DISPLAY_TYPES = ("discrete", "continuous", "event")


def test_the_tree_has_all_that_lumen_needs(lumen: Lumen) -> None:
    tree = lumen.tree()
    assert tree["name"] == "root"
    assert tree["active_data_streams"] == []
    for folder in folders(tree):
        assert {"id", "name", "description", "locked", "updated_at"} <= folder.keys()
        assert isinstance(folder["children"], list)
        kinds = (folder["streams"], folder["event_streams"], folder["children"])
        for items in kinds:
            names = [item["name"] for item in items]
            assert len(set(names)) == len(names)
            assert all(names)
        for stream in folder["streams"]:
            assert {"id", "name", "description", "locked", "active", "updated_at"} <= stream.keys()
            assert stream["datatype"] == "float32"
            names = [element["name"] for element in stream["elements"]]
            assert len(set(names)) == len(names)
            for index, element in enumerate(stream["elements"]):
                assert element["index"] == index
                assert element["name"]
                assert element["display_type"].lower() in DISPLAY_TYPES
                assert isinstance(element["offset"], float)
                assert isinstance(element["scale_factor"], float)
                assert {"units", "default_min", "default_max"} <= element.keys()
    assert stream_of(tree, MARKS)["event_fields"] == {"x": "numeric"}


def test_the_tree_tells_what_streams_hold_when_asked(lumen: Lumen) -> None:
    tree = lumen.json("GET", "/folders.json?data-info")
    info = stream_of(tree, DEEP)["data_info"]
    end = T0 + STEP * (ROWS + ROWS // 2 - 1)
    assert (info["start"], info["end"], info["rows"]) == (T0, end, ROWS)
    assert info["bytes"] > 0
    assert info["total_time"] == end - T0
    assert stream_of(tree, MARKS)["data_info"]["event_count"] == 201
    assert "data_info" not in stream_of(lumen.tree(), DEEP)


def test_a_change_is_seen_all_the_way_up_and_nowhere_else(lumen: Lumen) -> None:
    deep = stream_of(lumen.tree(), DEEP)
    elements = [
        {
            "name": f"new {index}",
            "plottable": True,
            "units": None,
            "default_min": None,
            "default_max": 4,
            "scale_factor": -2.0,
            "offset": 1,
            "display_type": "discrete",
        }
        for index in range(2)
    ]
    edit = {"id": deep["id"], "stream": {"name": "deep", "description": "d", "elements": elements}}
    raised = lumen.raised(lambda: lumen.json("PUT", "/stream.json", edit))
    assert raised == {"/", "/a", "/a/b", DEEP}
    seen = stream_of(lumen.tree(), DEEP)["elements"]
    assert [each["name"] for each in seen] == ["new 0", "new 1"]
    assert [each["display_type"] for each in seen] == ["DISCRETE"] * 2
    [folder] = [each for each in folders(lumen.tree()) if each["name"] == "c"]
    edit = {"id": folder["id"], "folder": {"name": "c", "description": "of c"}}
    raised = lumen.raised(lambda: lumen.json("PUT", "/folder.json", edit))
    assert raised == {"/", "/a", "/a/c"}


def test_moves_and_deletions_are_seen_on_both_sides(lumen: Lumen) -> None:
    node = lumen.node

    async def plant(api: Node) -> None:
        for path in ("/m/from", "/m/to"):
            stream = DataStream(f"in {path[3:]}", elements=[Element("e")])
            await api.data_stream_create(stream, path)

    node.ask(plant)
    raised = lumen.raised(
        lambda: node.ask(lambda api: api.data_stream_move("/m/from/in from", "/m/to"))
    )
    assert raised == {"/", "/m", "/m/from", "/m/to"}
    raised = lumen.raised(lambda: node.ask(lambda api: api.data_stream_delete("/m/to/in to")))
    assert raised == {"/", "/m", "/m/to"}
    raised = lumen.raised(lambda: node.ask(lambda api: api.folder_move("/m/to", "/m/from")))
    assert raised >= {"/", "/m", "/m/from"}
    raised = lumen.raised(lambda: node.ask(lambda api: api.folder_delete("/m", recursive=True)))
    assert raised == {"/"}


def test_names_stay_unique_whoever_renames(lumen: Lumen) -> None:
    node = lumen.node
    node.ask(lambda api: api.data_stream_create(DataStream("other", elements=[Element("e")]), "/u"))
    node.ask(lambda api: api.event_stream_create(EventStream("taken"), "/u"))
    node.ask(lambda api: api.data_stream_create(DataStream("x", elements=[Element("e")]), "/u/sub"))
    other = stream_of(lumen.tree(), "/u/other")
    edit = {"id": other["id"], "stream": {"name": "taken"}}
    status, text = lumen.ask("PUT", "/stream.json", edit)
    assert (status, "same name" in text or "this name" in text) == (400, True), text
    root = lumen.tree()
    [u] = [each for each in root["children"] if each["name"] == "u"]
    status, _ = lumen.ask("PUT", "/folder.json", {"id": u["id"], "folder": {"name": "a"}})
    assert status == 400
    node.ask(lambda api: api.folder_delete("/u", recursive=True))


def test_a_stream_in_use_is_locked_and_active(lumen: Lumen) -> None:
    def is_active(number: int) -> bool:
        return number in lumen.tree()["active_data_streams"]

    async def look(node: Node) -> tuple[dict[str, Any], int, str]:
        stream = await node.data_stream_create(DataStream("busy", elements=[Element("e")]), "/l")
        async with await node.data_write(stream) as pipe:
            await pipe.write(np.array([[1, 1.0]]))
            await asyncio.to_thread(wait_until, lambda: is_active(stream.id), 30, "not active")
            tree = await asyncio.to_thread(lumen.tree)
            edit = {"id": stream.id, "stream": {"name": "renamed"}}
            status, text = await asyncio.to_thread(lumen.ask, "PUT", "/stream.json", edit)
        return tree, status, text

    tree, status, text = lumen.node.ask(look)
    busy = stream_of(tree, "/l/busy")
    assert (busy["active"], busy["locked"]) == (True, True)
    [folder] = [each for each in tree["children"] if each["name"] == "l"]
    assert folder["locked"]
    assert tree["active_data_streams"] == [busy["id"]]
    assert (status, text) == (400, "stream is locked")
    assert lumen.tree()["active_data_streams"] == []
    lumen.node.ask(lambda api: api.folder_delete("/l"))
