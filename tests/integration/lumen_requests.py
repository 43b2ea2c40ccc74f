"""The requests of a Lumen server, and the rules by which it stores what it is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from joule.models.events import Event, EventStream
from joule.models.streams import DataStream, Element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import Node
    from tests.integration.daemon import Daemon

T0 = 1_700_000_000_000_000
STEP = 1000
ROWS = 40_000
DEEP, WIDE = "/a/b/deep", "/a/c/wide"
MARKS = "/a/marks"


class Lumen:
    """The Rails side; it is strict where its HTTP library or a browser may be."""

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

    def id_of(self, path: str) -> int:
        number: int = stream_of(self.tree(), path)["id"]
        return number

    def data(self, path: str, **query: int) -> Any:
        """The plot of a stream."""
        return self.json("GET", f"/data.json?id={self.id_of(path)}{_words(query)}")

    def events(self, limit: int, **query: Any) -> Any:
        """The plot of the event stream."""
        start = f"/event/data.json?id={self.id_of(MARKS)}&limit={limit}&include-ongoing-events=1"
        return self.json("GET", start + _words(query))

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


def _words(query: dict[str, Any]) -> str:
    return "".join(f"&{name.replace('_', '-')}={value}" for name, value in query.items())


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


async def plant(node: Node) -> None:
    """Make two data streams of two intervals and an event stream."""
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
    await node.event_stream_write(MARKS, [mark(i) for i in range(201)])


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
