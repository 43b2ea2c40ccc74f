"""Calls every method of a node and prints what it gave, for whichever Joule runs this script.

``python joule_1_0_every_method.py URL KEY`` is run by an interpreter with ``joule==1.0.1`` and by
ours; the answers are compared. Ids, which differ between two runs, are left out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

import joule.api
from joule.api import Annotation, DataStream, Element, Event, EventStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

START = 1_700_000_000_000_000
FOLDER = "/compared/folder"
STREAM = f"{FOLDER}/stream"
EVENTS = f"{FOLDER}/events"
FILTER = json.dumps([[["n", "gt", 3], ["n", "lt", 6]], [["name", "like", "%zero"]]])

FIELDS = {
    "Folder": ["name", "description", "locked", "children", "data_streams", "event_streams"],
    "DataStream": [
        *("name", "description", "datatype", "layout", "keep_us", "decimate", "is_configured"),
        *("is_source", "is_destination", "active", "locked", "elements"),
    ],
    "Element": [
        *("name", "units", "plottable", "display_type", "index", "offset", "scale_factor"),
        *("default_max", "default_min"),
    ],
    "DataStreamInfo": ["start", "end", "rows", "total_time"],
    "EventStream": ["name", "description", "event_fields", "keep_us", "chunk_duration_us"],
    "EventStreamInfo": ["start", "end", "event_count", "bytes", "total_time"],
    "Event": ["start_time", "end_time", "content"],
    "Module": ["name", "description", "is_app"],
    "Annotation": ["title", "content", "start", "end"],
    "AnnotationInfo": ["start", "end", "count"],
    "Master": ["master_type", "name", "key"],
    "Proxy": ["name", "target_url"],
    "NodeInfo": ["version", "name", "path", "size_reserved"],
    "ConnectionInfo": ["username", "host"],
}


def plain(value: Any) -> Any:
    """Give the parts of a value that two runs have in common."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        parts = [value[name] for name in value.dtype.names or ()] or [value]
        return [str(value.dtype), *(part.tolist() for part in parts)]
    kind = type(value).__name__
    if kind in FIELDS:
        return {"kind": kind} | {name: plain(getattr(value, name)) for name in FIELDS[kind]}
    return value if isinstance(value, str | int | float | dict | None) else kind


class Run:
    """The answers of one run, by what was asked."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.called: set[str] = set()
        self.answers: dict[str, Any] = {}

    async def ask(self, name: str, *args: Any, as_: str = "", **options: Any) -> Any:
        """Call a method and note what it gives or raises."""
        self.called.add(name)
        return await self.note(as_ or name, lambda: getattr(self.node, name)(*args, **options))

    async def note(self, label: str, call: Callable[[], Awaitable[Any]]) -> Any:
        assert label not in self.answers, label
        try:
            value = await call()
        except Exception as error:  # whatever it is belongs to the comparison
            kinds = [kind.__name__ for kind in type(error).__mro__]
            self.answers[label] = {"raised": kinds, "text": str(error)}
            return None
        self.answers[label] = plain(value)
        return value


async def folders(run: Run) -> None:
    await run.ask("folder_get", "/not/there", as_="folder_get missing")
    await run.ask("folder_get", 1.5, as_="folder_get bad type")
    await run.ask("folder_move", f"{FOLDER}/none", "/x", as_="folder_move missing")
    await run.ask("folder_move", FOLDER, "/compared/else")
    await run.ask("folder_move", "/compared/else/folder", "/compared", as_="folder_move back")
    folder = await run.ask("folder_get", FOLDER)
    folder.description = "told"
    await run.ask("folder_update", folder)
    await run.ask("folder_get", FOLDER, as_="folder_get updated")
    root = await run.ask("folder_root")
    await run.ask("folder_delete", root, as_="folder_delete root")
    await run.ask("folder_delete", "/compared", as_="folder_delete with children")


async def streams(run: Run) -> None:
    stream = DataStream(name="stream", elements=[Element("a", units="V"), Element("b")])
    await run.ask("data_stream_create", DataStream("empty"), FOLDER, as_="stream without elements")
    made = await run.ask("data_stream_create", stream, FOLDER)
    await run.ask("data_stream_create", stream, FOLDER, as_="stream twice")
    await run.ask("data_stream_get", STREAM)
    await run.ask("data_stream_get", "/not/there", as_="data_stream_get missing")
    await run.ask("data_stream_get", 1.5, as_="data_stream_get bad type")
    made.elements[0].display_type = "discrete"
    made.description = "told"
    await run.ask("data_stream_update", made)
    await run.ask("data_stream_get", STREAM, as_="data_stream_get updated")
    await run.ask("data_stream_move", STREAM, "/compared/else")
    await run.ask("data_stream_move", "/compared/else/stream", FOLDER, as_="data_stream_move back")
    await run.ask("data_stream_info", STREAM, as_="data_stream_info empty")


async def write(run: Run, times: Any, *breaks: int, **options: Any) -> None:
    pipe = await run.node.data_write(STREAM, **options)
    for number, block in enumerate(times):
        await pipe.write(np.column_stack([block, block % 1000, np.ones(len(block))]))
        if number in breaks:
            await pipe.close_interval()
    await pipe.close()


async def data(run: Run) -> None:
    times = START + 1000 * np.arange(300)
    run.called |= {"data_write", "data_read", "data_subscribe"}
    await run.ask("data_read_array", STREAM, as_="data_read_array empty")
    await run.note("data_write", lambda: write(run, np.split(times, 3), 1))
    await run.note("data_write again", lambda: write(run, [times[:10]]))
    await run.note("data_write falling", lambda: write(run, [times[::-1] + 10**9]))
    await run.note("data_write over", lambda: write(run, [times[:50]], start=START, end=times[50]))
    await run.ask("data_stream_info", STREAM)
    await run.ask("data_intervals", STREAM)
    await run.ask("data_intervals", STREAM, START, times[20], as_="data_intervals within")
    await run.ask("data_read_array", STREAM, START, times[4])
    await run.ask("data_read_array", STREAM, START, times[4], flatten=True, as_="array flat")
    await run.note("data_read", lambda: read(run, STREAM, start=times[2], end=times[5]))
    await run.note("data_read nothing", lambda: read(run, STREAM, start=1, end=2))
    await run.note("data_read missing", lambda: read(run, "/not/there"))
    await run.ask("data_subscribe", STREAM, as_="data_subscribe idle")
    await run.ask("data_consolidate", STREAM, 10**6)
    await run.ask("data_delete", STREAM, times[10], times[20])
    await run.ask("data_intervals", STREAM, as_="data_intervals deleted")
    await run.ask("data_drop_decimations", STREAM)
    await run.ask("data_decimate", STREAM)


async def read(run: Run, *args: Any, **options: Any) -> Any:
    pipe = await run.node.data_read(*args, **options)
    try:
        return await pipe.read()
    finally:
        await pipe.close()


async def notes(run: Run) -> None:
    note = await run.ask("annotation_create", Annotation("one", START, content="c"), STREAM)
    await run.ask("annotation_create", Annotation("b", START + 9, START + 99), STREAM, as_="range")
    note.title = "new"
    await run.ask("annotation_update", note)
    await run.ask("annotation_get", STREAM)
    await run.ask("annotation_get", STREAM, START, START + 5, as_="annotation_get within")
    await run.ask("annotation_info", STREAM)
    await run.ask("annotation_delete", note)
    await run.ask("annotation_delete", 10**6, as_="annotation_delete missing")
    await run.ask("data_stream_annotation_delete", STREAM)
    await run.ask("annotation_get", STREAM, as_="annotation_get empty")


async def events(run: Run) -> None:
    await run.ask("event_stream_get", EVENTS, as_="event_stream_get missing")
    fields = {"n": "numeric", "name": "string"}
    stream = EventStream("events", "told", event_fields=fields)
    await run.ask("event_stream_create", stream, FOLDER)
    made = await run.ask(
        "event_stream_get", f"{FOLDER}/made", create=True, description="d", event_fields=fields
    )
    made.name = "renamed"
    await run.ask("event_stream_update", made)
    await run.ask("event_stream_move", f"{FOLDER}/renamed", "/compared/else")
    await run.ask("event_stream_delete", "/compared/else/renamed")
    happened = [
        Event(START + 100 * i, START + 100 * i + 150, {"n": i, "name": "zero" if not i else "x"})
        for i in range(20)
    ]
    await run.ask("event_stream_write", EVENTS, happened)
    await run.ask("event_stream_info", EVENTS)
    await run.ask("event_stream_count", EVENTS)
    await run.ask("event_stream_count", EVENTS, json_filter=FILTER, as_="count filtered")
    await run.ask("event_stream_read_list", EVENTS, START + 201, START + 500)
    await run.ask("event_stream_read_list", EVENTS, json_filter=FILTER, as_="list filtered")
    await run.ask("event_stream_read_list", EVENTS, json_filter="{", as_="list bad filter")
    await run.ask("event_stream_read_list", EVENTS, limit=0, as_="list no limit")
    run.called.add("event_stream_read")
    await run.note("event_stream_read", lambda: read_events(run, EVENTS, START, START + 500))
    await run.note("event_stream_read blocks", lambda: read_events(run, EVENTS, block_size=8))
    stored = await run.node.event_stream_read_list(EVENTS, limit=5)
    stored[0].content["n"] = 99
    await run.ask("event_stream_write", EVENTS, stored[:1], as_="event_stream_write again")
    await run.ask("event_stream_remove", EVENTS, START + 1000)
    await run.ask("event_stream_count", EVENTS, as_="count after removal")


async def read_events(run: Run, *args: Any, **options: Any) -> Any:
    return [event async for event in run.node.event_stream_read(*args, **options)]


async def others(run: Run) -> None:
    await run.ask("info")
    await run.ask("module_list")
    await run.ask("module_get", "none")
    await run.ask("module_logs", "none")
    await run.ask("proxy_list")
    await run.ask("proxy_get", "none")
    key = "0123456789abcdef0123456789abcdef"
    await run.ask("master_add", "user", "compared", api_key=key)
    await run.ask("master_add", "user", "", as_="master_add without a name")
    await run.ask("master_list")
    await run.ask("master_delete", "user", "compared")
    await run.ask("master_delete", "user", "compared", as_="master_delete again")
    await run.ask("follower_list")
    await run.ask("follower_delete", "none")
    await run.ask("archive_upload", __file__)
    await run.ask("db_connection_info")
    await run.ask("db_connect")
    run.called |= {"create_lumen_link", "close"}  # links hold ids: a script of their own


async def work(url: str, key: str) -> dict[str, Any]:
    node = joule.api.create_tcp_node(url, key)
    run = Run(node)
    for part in (streams, folders, data, notes, events, others):
        await part(run)
    await run.ask("data_stream_delete", STREAM)
    await run.ask("folder_delete", "/compared", recursive=True)
    names = {name for name in dir(joule.api.BaseNode) if not name.startswith("_")}
    await node.close()
    missed = sorted(name for name in names - run.called if callable(getattr(node, name)))
    return {"answers": run.answers, "missed": missed}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(work(*sys.argv[1:]))))  # noqa: T201 - the caller reads it
