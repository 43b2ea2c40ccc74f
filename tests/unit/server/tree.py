"""A tree to test the rules of names, locks and stamps on, and what to compare of it.

::

    /  a  x, ev
          b  y
       c  z, other
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from joule.models.annotations import Annotation
from joule.models.events import Event, EventStream
from tests.unit.server.support import add_stream, plant, rows_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.testing.node import RunningNode
    from tests.unit.server.support import Answer, Http

STREAMS = {"x": "/a/x", "y": "/a/b/y", "z": "/c/z"}
EVENTS = {"ev": "/a/ev", "other": "/c/other"}


NEW_STREAM: dict[str, Any] = {
    "id": None,
    "name": "new",
    "description": "",
    "datatype": "float32",
    "keep_us": -1,
    "decimate": True,
    "is_configured": False,
    "is_source": False,
    "is_destination": False,
    "elements": [
        {
            "id": None,
            "index": 0,
            "name": "e",
            "units": None,
            "plottable": True,
            "display_type": "continuous",
            "offset": 0,
            "scale_factor": 1,
            "default_max": None,
            "default_min": None,
        }
    ],
}
NEW_EVENTS: dict[str, Any] = {
    "id": None,
    "name": "new",
    "description": "",
    "event_fields": {},
    "chunk_duration_us": 0,
    "keep_us": -1,
}


class Request(NamedTuple):
    """A method and a path, with a query or a body (``{name}`` in them is the id of that item)."""

    method: str
    path: str
    values: dict[str, Any]
    is_query: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.values}"


def change(method: str, path: str, /, **values: Any) -> Request:
    return Request(method, path, values)


def query(method: str, path: str, /, **values: Any) -> Request:
    return Request(method, path, values, is_query=True)


async def plant_tree(running: RunningNode) -> None:
    for path in STREAMS.values():
        stream = await add_stream(running, path)
        await plant(running, stream, rows_at(*range(10, 20)), rows_at(*range(30, 40)))
    await running.node.annotations.create(
        running.node.catalog.data_stream("/a/x"), Annotation("t", 1)
    )
    for path in EVENTS.values():
        folder, name = path.rsplit("/", 1)
        made = await running.node.catalog.create_stream(EventStream(name=name), folder)
        await running.node.events.write(made, [Event(10, 20, {"power": 3})])


async def send(http: Http, asked: Request) -> Answer:
    """Send a request, its ids filled in."""
    ids = {name: id_ for name, (id_, _) in (await stamps(http)).items()}
    values = {
        key: ids[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value
        for key, value in asked.values.items()
    }
    if asked.is_query:
        return await http(asked.method, asked.path, values)
    return await http(asked.method, asked.path, json=values)


async def stamps(http: Http) -> dict[str, tuple[int, str]]:
    """Id and ``updated_at`` of every folder and stream, by name."""
    tree = (await http.get("/folders.json")).json
    return {item["name"]: (item["id"], item["updated_at"]) for item in _items(tree)}


def _items(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield folder
    yield from folder["streams"]
    yield from folder["event_streams"]
    for child in folder["children"]:
        yield from _items(child)
