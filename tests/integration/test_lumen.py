"""A Lumen server's requests, as it sends them, to a real node."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest

from joule.models.events import Event, EventStream
from joule.models.streams import DataStream, Element
from tests.integration.daemon import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import Node
    from tests.integration.daemon import Daemon

T0 = 1_700_000_000_000_000
STEP = 1000
ROWS = 40_000
DEEP, WIDE = "/a/b/deep", "/a/c/wide"
DISPLAY_TYPES = ("discrete", "continuous", "event")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Lumen:
    """The Rails side: its requests, and the rules by which it stores what it is told."""

    def __init__(self, node: Daemon) -> None:
        self.node = node

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[int, str]:
        sent = {"X-Api-Key": self.node.key, "Accept": "*/*", **headers}
        if body is None:
            return self.node.request(method, path, headers=sent)
        sent["Content-Type"] = "application/json"
        return self.node.request(method, path, json.dumps(body).encode(), sent)

    def json(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        status, text = self.ask(method, path, body)
        assert status == 200, text
        return json.loads(text, parse_constant=_no_constant)

    def tree(self) -> dict[str, Any]:
        tree: dict[str, Any] = self.json("GET", "/folders.json")
        return tree

    def stamps(self) -> dict[str, str]:
        """``updated_at`` of all folders and streams, by path."""
        found: dict[str, str] = {}

        def walk(folder: dict[str, Any], path: str) -> None:
            found[path or "/"] = folder["updated_at"]
            for stream in folder["streams"] + folder["event_streams"]:
                found[f"{path}/{stream['name']}"] = stream["updated_at"]
            for child in folder["children"]:
                walk(child, f"{path}/{child['name']}")

        walk(self.tree(), "")
        return found

    def raised(self, change: Any) -> set[str]:
        """Make a change and give the paths whose stamp it raised; none may fall."""
        before = self.stamps()
        change()
        after = self.stamps()
        assert all(after[path] >= before[path] for path in before.keys() & after.keys())
        return {path for path in before.keys() & after.keys() if after[path] > before[path]}


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


@pytest.fixture(scope="module")
def lumen(shared: Daemon) -> Lumen:
    """A node with two data streams of two intervals and an event stream."""

    async def plant(node: Node) -> None:
        for path, width in ((DEEP, 2), (WIDE, 3)):
            folder, name = path.rsplit("/", 1)
            elements = [Element(f"e{i}", scale_factor=-2.0, offset=1.0) for i in range(width)]
            await node.data_stream_create(DataStream(name, elements=elements), folder)
            async with await node.data_write(path) as pipe:
                for begin in (0, ROWS):
                    times = T0 + STEP * np.arange(begin, begin + ROWS // 2)
                    values = np.sin(times / 1e6)
                    await pipe.write(np.column_stack([times, *[values] * width]))
                    await pipe.close_interval()
        await node.event_stream_create(EventStream("marks", event_fields={"x": "numeric"}), "/a")
        await node.event_stream_write("/a/marks", [mark(i) for i in range(201)])

    shared.ask(plant)
    return Lumen(shared)


def mark(number: int) -> Event:
    time = T0 + number * 10_000
    return Event(start_time=time, end_time=time + 5000, content={"x": number, "t": f"n{number}"})


def stream_of(tree: dict[str, Any], path: str) -> dict[str, Any]:
    *folders, name = path.strip("/").split("/")
    for part in folders:
        [tree] = [child for child in tree["children"] if child["name"] == part]
    [stream] = [each for each in tree["streams"] + tree["event_streams"] if each["name"] == name]
    found: dict[str, Any] = stream
    return found


def folders(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for child in tree["children"]:
        yield from folders(child)


# ------------------------------------------------------------------ the node


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
        ("GET", "/folders.json"),
        ("GET", "/data.json?id=1&max-rows=10"),
        ("GET", "/event/data.json?id=1&limit=1"),
        ("GET", "/annotations.json?stream_id=1"),
        ("POST", "/annotation.json"),
        ("PUT", "/stream.json"),
        ("PUT", "/folder.json"),
        ("GET", "/app.json"),
        ("GET", "/app/m0/"),
        ("GET", "/app/auth"),
        ("GET", "/no/such/route"),
    ],
)
def test_a_wrong_key_learns_nothing(lumen: Lumen, method: str, path: str) -> None:
    headers = {"X-Api-Key": "wrong"}
    assert lumen.node.request(method, path, headers=headers) == (403, "403: Forbidden")


# ------------------------------------------------------------------ the tree


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
    assert stream_of(tree, "/a/marks")["event_fields"] == {"x": "numeric"}


def test_the_tree_tells_what_streams_hold_when_asked(lumen: Lumen) -> None:
    tree = lumen.json("GET", "/folders.json?data-info")
    info = stream_of(tree, DEEP)["data_info"]
    end = T0 + STEP * (ROWS + ROWS // 2 - 1)
    assert (info["start"], info["end"], info["rows"]) == (T0, end, ROWS)
    assert info["bytes"] > 0
    assert info["total_time"] == end - T0
    assert stream_of(tree, "/a/marks")["data_info"]["event_count"] == 201
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


# ------------------------------------------------------------------ data


def data(lumen: Lumen, path: str, **query: int) -> Any:
    number = stream_of(lumen.tree(), path)["id"]
    words = "".join(f"&{name.replace('_', '-')}={value}" for name, value in query.items())
    return lumen.json("GET", f"/data.json?id={number}{words}")


def test_a_plot_of_all_has_two_segments_of_decimated_rows(lumen: Lumen) -> None:
    answer = data(lumen, WIDE, max_rows=3600)
    assert answer["decimation_factor"] > 1
    assert len(answer["data"]) == 2
    rows = [row for segment in answer["data"] for row in segment]
    assert len(rows) <= 3600 * 1.05
    values = np.array(rows)
    assert values.shape[1] == 1 + 3 * 3
    mean, least, most = values[:, 1:4], values[:, 4:7], values[:, 7:10]
    assert ((least <= mean) & (mean <= most)).all()
    assert least.min() < -0.99  # as stored: neither scaled nor moved
    assert (np.diff(values[:, 0]) > 0).all()


def test_a_short_range_has_raw_rows(lumen: Lumen) -> None:
    answer = data(lumen, WIDE, max_rows=3600, start=T0, end=T0 + 100 * STEP)
    assert answer["decimation_factor"] == 1
    [segment] = answer["data"]
    assert [row[0] for row in segment] == [T0 + i * STEP for i in range(100)]
    assert all(len(row) == 4 for row in segment)


@pytest.mark.parametrize(
    "query",
    [
        {"start": T0 - 10**12, "end": T0 + 10**12},
        {"start": -5},
        {"end": 10**16},
        {"start": T0 + STEP * (ROWS - 10), "end": T0 + STEP * (ROWS - 5)},
        {"start": T0 + 10**15},
        {"end": 5},
    ],
)
def test_ranges_may_reach_anywhere(lumen: Lumen, query: dict[str, int]) -> None:
    answer = data(lumen, WIDE, max_rows=500, **query)
    assert isinstance(answer["decimation_factor"], int)
    number = stream_of(lumen.tree(), WIDE)["id"]
    words = "".join(f"&{name}={value}" for name, value in query.items())
    pairs = lumen.json("GET", f"/data/intervals.json?id={number}{words}")
    assert all(len(pair) == 2 and pair[0] < pair[1] for pair in pairs)
    assert len(pairs) == len([segment for segment in answer["data"] if segment])


def test_a_stream_without_data_or_decimation_is_answered(lumen: Lumen) -> None:
    async def plant(node: Node) -> None:
        for name in ("empty", "plain"):
            stream = DataStream(name, elements=[Element("e")], decimate=False)
            await node.data_stream_create(stream, "/o")
        async with await node.data_write("/o/plain") as pipe:
            times = T0 + np.arange(5000)
            await pipe.write(np.column_stack([times, times - T0]))

    lumen.node.ask(plant)
    empty = data(lumen, "/o/empty", max_rows=100)
    assert (empty["decimation_factor"], [row for segment in empty["data"] for row in segment]) == (
        1,
        [],
    )
    answer = data(lumen, "/o/plain", max_rows=100)
    assert answer["decimation_factor"] > 1
    assert max(row[3] for row in answer["data"][0]) == 4999.0
    lumen.node.ask(lambda node: node.folder_delete("/o"))


# ------------------------------------------------------------------ events


def events(lumen: Lumen, limit: int, **query: Any) -> Any:
    number = stream_of(lumen.tree(), "/a/marks")["id"]
    words = "".join(f"&{name}={value}" for name, value in query.items())
    path = f"/event/data.json?id={number}&limit={limit}&include-ongoing-events=1{words}"
    return lumen.json("GET", path)


def test_few_events_are_listed_and_many_are_counted(lumen: Lumen) -> None:
    full = events(lumen, 201)
    assert (full["type"], full["count"], len(full["events"])) == ("events", 201, 201)
    starts = [event["start_time"] for event in full["events"]]
    assert starts == sorted(starts)
    assert len({event["id"] for event in full["events"]}) == 201
    assert set(full["events"][0]["content"]) == {"x", "t"}
    assert events(lumen, 200, end=T0 + 200 * 10_000)["type"] == "events"
    many = events(lumen, 200)
    assert (many["type"], many["count"]) == ("histogram", 201)
    assert sum(bucket["content"]["count"] for bucket in many["events"]) == 201
    assert all({"start_time", "end_time"} <= bucket.keys() for bucket in many["events"])


def test_events_are_filtered_and_no_filter_is_an_empty_one(lumen: Lumen) -> None:
    assert events(lumen, 201, filter="[]") == events(lumen, 201)
    for text, count in [
        ('[[["x","gt","197"]]]', 3),
        ('[[["x","gt",197]]]', 3),
        ('[[["t","is","n7"]]]', 1),
        ('[[["t","like","n1_"]]]', 10),
        ('[[["x","lt",2]],[["x","gte",200]]]', 3),
    ]:
        assert events(lumen, 200, filter=text.replace("%", "%25"))["count"] == count, text


def test_an_event_that_began_before_the_window_is_in_it(lumen: Lumen) -> None:
    found = events(lumen, 200, start=T0 + 10_000 + 2000, end=T0 + 20_000)
    assert [event["content"]["x"] for event in found["events"]] == [1]


# ------------------------------------------------------------------ annotations


def test_annotations_are_made_listed_changed_and_removed(lumen: Lumen) -> None:
    number = stream_of(lumen.tree(), WIDE)["id"]
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


# ------------------------------------------------------------------ links


def test_links_find_their_streams_and_folders(lumen: Lumen) -> None:
    tree = lumen.tree()
    wide, marks = stream_of(tree, WIDE), stream_of(tree, "/a/marks")
    element = wide["elements"][0]["id"]
    found = lumen.json(
        "GET", f"/folder/map.json?data_stream_elements=[{element}]&event_streams=[{marks['id']}]"
    )
    assert found["node_uuid"] == lumen.json("GET", "/version.json")["uuid"]
    assert found["data_stream_ids"] == [wide["id"]]
    assert found["data_stream_element_map"] == {str(element): wide["id"]}
    names = {folder["id"]: folder["name"] for folder in folders(tree)}
    assert sorted(names[number] for number in found["folder_ids"]) == ["a", "c", "root"]
