"""One call per documented method, by its documented parameter names, and the documented errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from joule.api import Annotation, DataStream, Element, Event, EventStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from joule.api import Node

Call: TypeAlias = "Callable[[World], Awaitable[Any]]"

START = 1_551_730_769_556_442
STEP = 1_000
ROWS = 100
END = START + ROWS * STEP


@dataclass
class World:
    """A node with a bit of everything: what the calls are about."""

    node: Node
    stream: DataStream
    events: EventStream
    note: Annotation

    @classmethod
    async def make(cls, node: Node) -> World:
        stream = await node.data_stream_create(
            DataStream("stream", elements=[Element("a"), Element("b")]), "/parent/folder"
        )
        async with await node.data_write(stream) as pipe:
            times = START + STEP * np.arange(ROWS)
            await pipe.write(np.column_stack([times, np.arange(ROWS), np.ones(ROWS)]))
        events = await node.event_stream_create(EventStream("events"), "/parent/folder")
        await node.event_stream_write(events, [Event(START, END, {"name": "sample", "value": 5})])
        note = await node.annotation_create(Annotation("note", START), stream)
        return cls(node, stream, events, note)


async def _folder_update(world: World) -> None:
    folder = await world.node.folder_get("/parent/folder")
    folder.name = "new name"
    await world.node.folder_update(folder=folder)
    assert (await world.node.folder_get("/parent/new name")).id == folder.id


async def _data_stream_update(world: World) -> None:
    world.stream.elements[0].name = "New Name"
    await world.node.data_stream_update(stream=world.stream)
    assert (await world.node.data_stream_get(world.stream)).elements[0].name == "New Name"


async def _data_read(world: World) -> Any:
    pipe = await world.node.data_read(
        stream=world.stream, start=START, end=END - STEP, max_rows=None
    )
    assert len(await pipe.read_all()) == ROWS - 1
    view = await world.node.data_read(stream=world.stream.id, max_rows=30)
    assert (await view.read_all())["data"].shape[1] == 6
    return pipe


async def _data_write(world: World) -> Any:
    path = "/parent/folder/stream"
    pipe = await world.node.data_write(stream=path, start=START, end=START + 10 * STEP)
    await pipe.write(np.array([[START, 7.0, 8.0]]))
    await pipe.close()
    assert (await world.node.data_stream_info(path)).rows == ROWS - 9
    return pipe


async def _data_subscribe(world: World) -> Any:
    node = world.node
    async with await node.data_write(stream=world.stream) as output:
        await output.write(np.array([[END, 1.0, 2.0]]))
        while not (await node.data_stream_get(world.stream)).is_destination:
            pass  # each look is a request, which lets the others go on
        pipe = await node.data_subscribe(stream=world.stream)
        await output.write(np.array([[END + 1, 1.0, 2.0]]))
        rows = await pipe.read()
        assert rows["timestamp"][-1] in (END, END + 1)
        await pipe.close()
    return pipe


async def _data_delete(world: World) -> None:
    left, right = START + 10 * STEP, START + 20 * STEP
    await world.node.data_delete(stream=world.stream, start=left, end=right)
    assert len(await world.node.data_intervals(world.stream)) == 2


async def _event_stream_update(world: World) -> None:
    world.events.description = "new"
    await world.node.event_stream_update(stream=world.events)
    assert (await world.node.event_stream_get(world.events)).description == "new"


async def _event_stream_read(world: World) -> Any:
    either = [[["name", "like", "%amp%"]], [["value", "gt", 0], ["value", "lt", 10]]]
    reading = world.node.event_stream_read(
        stream=world.events,
        start=START + 1,
        end=END,
        limit=100,
        json_filter=json.dumps(either),
        include_on_going_events=True,
    )
    listed = await reading
    assert [event async for event in reading] == listed
    assert await world.node.event_stream_read(world.events, START + 1, END, 100, None, False) == []
    return listed


async def _master_removet(world: World) -> None:
    await world.node.master_add(master_type="user", identifier="someone", lumen_parameters=None)
    await world.node.master_removet(master="someone")
    assert "someone" not in [master.name for master in await world.node.master_list()]


CALLS: dict[str, Call] = {
    "folder_root": lambda w: w.node.folder_root(),
    "folder_get": lambda w: w.node.folder_get(folder="/parent/folder"),
    "folder_move": lambda w: w.node.folder_move(source="/parent/folder", destination="/new/one"),
    "folder_update": _folder_update,
    "folder_delete": lambda w: w.node.folder_delete(folder="/parent", recursive=True),
    "data_stream_get": lambda w: w.node.data_stream_get(stream=w.stream.id),
    "data_stream_move": lambda w: w.node.data_stream_move(stream=w.stream, folder="/parent2"),
    "data_stream_update": _data_stream_update,
    "data_stream_delete": lambda w: w.node.data_stream_delete(stream="/parent/folder/stream"),
    "data_stream_create": lambda w: w.node.data_stream_create(
        stream=DataStream(name="New Stream", elements=[Element(name="Element1")]), folder="/p/n"
    ),
    "data_stream_info": lambda w: w.node.data_stream_info(stream=w.stream),
    "data_stream_annotation_delete": lambda w: w.node.data_stream_annotation_delete(
        stream=w.stream, start=START, end=END
    ),
    "data_read": _data_read,
    "data_subscribe": _data_subscribe,
    "data_write": _data_write,
    "data_delete": _data_delete,
    "data_intervals": lambda w: w.node.data_intervals(stream=w.stream, start=START, end=END),
    "annotation_create": lambda w: w.node.annotation_create(
        annotation=Annotation(title="Range", start=START, end=END), stream=w.stream.id
    ),
    "annotation_delete": lambda w: w.node.annotation_delete(annotation=w.note),
    "annotation_update": lambda w: w.node.annotation_update(annotation=w.note),
    "annotation_get": lambda w: w.node.annotation_get(stream=w.stream, start=START, end=END),
    "event_stream_get": lambda w: w.node.event_stream_get(
        stream="/folder/made", create=True, description="new", event_fields={"A": "string"}
    ),
    "event_stream_move": lambda w: w.node.event_stream_move(stream=w.events, folder="/parent2"),
    "event_stream_update": _event_stream_update,
    "event_stream_delete": lambda w: w.node.event_stream_delete(stream="/parent/folder/events"),
    "event_stream_create": lambda w: w.node.event_stream_create(
        stream=EventStream(name="New Stream"), folder="/parent/new_folder"
    ),
    "event_stream_info": lambda w: w.node.event_stream_info(stream=w.events.id),
    "event_stream_write": lambda w: w.node.event_stream_write(
        stream="/parent/folder/events", events=[Event(START, END, {"name": "event1"})]
    ),
    "event_stream_read": _event_stream_read,
    "event_stream_remove": lambda w: w.node.event_stream_remove(
        stream=w.events, start=START, end=END, json_filter=json.dumps([[["name", "is", "sample"]]])
    ),
    "module_list": lambda w: w.node.module_list(statistics=True),
    "module_get": lambda w: w.node.module_get(module="reader", statistics=True),
    "module_logs": lambda w: w.node.module_logs(module=0),
    "proxy_list": lambda w: w.node.proxy_list(),
    "proxy_get": lambda w: w.node.proxy_get(proxy="flask app"),
    "master_add": lambda w: w.node.master_add(
        master_type="user", identifier="new user", lumen_parameters=None
    ),
    "master_list": lambda w: w.node.master_list(),
    "master_removet": _master_removet,
    "follower_list": lambda w: w.node.follower_list(),
    "follower_remove": lambda w: w.node.follower_remove(follower="second"),
    "db_connect": lambda w: w.node.db_connect(),
}

ERRORS: dict[str, Call] = {
    "folder_get": lambda w: w.node.folder_get("/does/not/exist"),
    "folder_move": lambda w: w.node.folder_move("/parent/missing_folder", "/parent2"),
    "folder_update": lambda w: _changed_root(w),
    "folder_delete": lambda w: w.node.folder_delete("/parent", False),
    "data_stream_get": lambda w: w.node.data_stream_get("/does/not/exist"),
    "data_stream_move": lambda w: w.node.data_stream_move("/does/not/exist", "/parent2"),
    "data_stream_update": lambda w: w.node.data_stream_update(DataStream("local")),
    "data_stream_delete": lambda w: w.node.data_stream_delete(99),
    "data_stream_create": lambda w: w.node.data_stream_create(DataStream("no elements"), "/a"),
    "data_stream_info": lambda w: w.node.data_stream_info("/does/not/exist"),
    "data_read": lambda w: w.node.data_read("/does/not/exist"),
    "data_subscribe": lambda w: w.node.data_subscribe(w.stream),
    "data_write": lambda w: w.node.data_write("/does/not/exist"),
    "data_intervals": lambda w: w.node.data_intervals("/does/not/exist"),
    "annotation_create": lambda w: w.node.annotation_create(Annotation("a", 1), "/not/there"),
    "annotation_delete": lambda w: w.node.annotation_delete(99),
    "event_stream_get": lambda w: w.node.event_stream_get("/folder/event_stream"),
    "event_stream_move": lambda w: w.node.event_stream_move("/does/not/exist", "/parent2"),
    "event_stream_create": lambda w: w.node.event_stream_create(EventStream("a/b"), "/parent"),
    "event_stream_delete": lambda w: w.node.event_stream_delete(99),
    "event_stream_info": lambda w: w.node.event_stream_info("/does/not/exist"),
    "event_stream_read": lambda w: w.node.event_stream_read_list("/does/not/exist"),
    "module_get": lambda w: w.node.module_get("not there"),
    "module_logs": lambda w: w.node.module_logs("not there"),
    "proxy_get": lambda w: w.node.proxy_get("not there"),
    "master_removet": lambda w: w.node.master_removet("not there"),
    "follower_remove": lambda w: w.node.follower_remove("not there"),
    "db_connection_info": lambda w: w.node.db_connection_info(),
}


async def _changed_root(world: World) -> None:
    root = await world.node.folder_root()
    root.name = "other"
    await world.node.folder_update(root)
