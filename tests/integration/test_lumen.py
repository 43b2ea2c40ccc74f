"""A Lumen server's requests to a real node: the node itself, annotations and links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.streams import DataStream, Element
from tests.integration.lumen_requests import MARKS, T0, WIDE, Lumen, folders, stream_of

if TYPE_CHECKING:
    from tests.integration.daemon import Daemon

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_node_is_recognised_by_its_banner(lumen: Lumen) -> None:
    assert lumen.ask("GET", "") == (200, "Joule server")
    assert lumen.ask("GET", "/") == (200, "Joule server")
    # A browser may be led elsewhere; Lumen still gets the banner.
    assert lumen.ask("GET", "/", Accept=BROWSER)[0] in (200, 302, 303, 307)


def test_a_node_tells_version_and_room(lumen: Lumen) -> None:
    about = lumen.json("GET", "/version.json")
    assert {"version", "uuid"} <= about.keys()
    room = lumen.json("GET", "/dbinfo")
    assert all(isinstance(room[name], int) for name in ("size", "other", "free", "reserved"))
    assert lumen.json("GET", "/app.json") == []


def test_the_uuid_and_the_ids_stay_over_a_restart(daemon: Daemon) -> None:
    lumen = Lumen(daemon.start())
    daemon.ask(lambda node: node.data_stream_create(DataStream("x", elements=[Element("e")]), "/a"))
    uuid, tree = lumen.json("GET", "/version.json")["uuid"], lumen.tree()
    daemon.stop()
    daemon.start()
    assert lumen.json("GET", "/version.json")["uuid"] == uuid
    assert lumen.tree() == tree


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/version.json"),
        ("GET", "/dbinfo"),
        ("GET", "/folders.json"),
        ("GET", "/folder/map.json?data_stream_elements=[1]"),
        ("GET", "/data.json?id=1&max-rows=10"),
        ("GET", "/data/intervals.json?id=1"),
        ("GET", "/event/data.json?id=1&limit=1"),
        ("GET", "/annotations.json?stream_id=1"),
        ("POST", "/annotation.json"),
        ("PUT", "/annotation.json"),
        ("DELETE", "/annotation.json?id=1"),
        ("PUT", "/stream.json"),
        ("PUT", "/folder.json"),
        ("GET", "/app.json"),
        ("GET", "/app/m0/"),
        ("POST", "/app/m0/form"),
        ("GET", "/app/auth"),
        ("GET", "/no/such/route"),
    ],
)
def test_a_wrong_key_learns_nothing(lumen: Lumen, method: str, path: str) -> None:
    headers = {"X-Api-Key": "wrong"}
    assert lumen.node.request(method, path, headers=headers) == (403, "403: Forbidden")


def test_annotations_are_made_listed_changed_and_removed(lumen: Lumen) -> None:
    number = lumen.id_of(WIDE)
    body = {"stream_id": number, "title": "t", "content": None, "start": T0, "end": None}
    made = lumen.json("POST", "/annotation.json", body)
    [listed] = lumen.json("GET", f"/annotations.json?stream_id={number}")
    assert (listed["id"], listed["end"], listed["start"]) == (made["id"], None, T0)
    edit = {"id": made["id"], "title": "u", "content": "c"}
    changed = lumen.json("PUT", "/annotation.json", edit)
    assert changed == {**listed, "title": "u", "content": "c"}
    assert lumen.ask("DELETE", f"/annotation.json?id={made['id']}")[0] == 200
    assert lumen.json("GET", f"/annotations.json?stream_id={number}") == []
    del body["title"]
    assert lumen.ask("POST", "/annotation.json", body)[0] == 400
    backwards = {**body, "title": "t", "end": T0 - 1}
    assert lumen.ask("POST", "/annotation.json", backwards)[0] == 400


def test_links_find_their_streams_and_folders(lumen: Lumen) -> None:
    tree = lumen.tree()
    wide, marks = stream_of(tree, WIDE), stream_of(tree, MARKS)
    element = wide["elements"][0]["id"]
    found = lumen.json(
        "GET", f"/folder/map.json?data_stream_elements=[{element}]&event_streams=[{marks['id']}]"
    )
    assert found["node_uuid"] == lumen.json("GET", "/version.json")["uuid"]
    assert found["data_stream_ids"] == [wide["id"]]
    assert found["data_stream_element_map"] == {str(element): wide["id"]}
    names = {folder["id"]: folder["name"] for folder in folders(tree)}
    assert sorted(names[number] for number in found["folder_ids"]) == ["a", "c", "root"]
