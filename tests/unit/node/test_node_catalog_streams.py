from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StreamNotFound,
)
from joule.models.events import Event, EventStream
from joule.models.streams import DataStream, Element
from joule.storage.interfaces import AnnotationRecord
from tests.unit.node.support import make_rows, make_stream, reopened, shape

if TYPE_CHECKING:
    from joule.node import Catalog, LocalNode
    from joule.testing.clock import FakeClock
    from tests.unit.node.support import ChosenEngine


# ------------------------------------------------------------------ updating streams


async def test_updating_a_data_stream_applies_what_may_be_changed_and_ignores_the_rest(
    catalog: Catalog, data: DataStream
) -> None:
    changes = {
        "name": "n",
        "description": None,
        "keep_us": 5,
        "decimate": False,
        "datatype": "int16",
        "is_configured": True,
        "id": 77,
        "elements": [{"name": "z", "units": "V", "default_max": 3, "default_min": None, "id": 9}],
    }
    element_id = data.elements[0].id
    updated = await catalog.update_stream(DataStream, data.id, changes)
    assert updated is data
    assert (data.name, data.description, data.keep_us, data.decimate) == ("n", None, 5, False)
    assert (data.datatype, data.is_configured) == ("int32", False)
    [element] = data.elements
    assert (element.name, element.units, element.default_max, element.id) == (
        "z",
        "V",
        3.0,
        element_id,
    )
    assert catalog.data_stream("/a/b/n") is data
    with pytest.raises(StreamNotFound):
        catalog.data_stream("/a/b/d")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"elements": []}, "incorrect number of elements"),
        ({"elements": [{}, {}]}, "incorrect number of elements"),
        ({"elements": "x"}, "incorrect number of elements"),
        ({"elements": [7]}, "Invalid element configuration: must be an object"),
        ({"elements": [{"name": ""}]}, "missing name"),
        ({"elements": [{"display_type": "odd"}]}, "invalid display_type [odd]"),
        ({"elements": [{"offset": "x"}]}, "Invalid element configuration: [offset]"),
        ({"elements": [{"scale_factor": None}]}, "Invalid element configuration: [scale_factor]"),
        ({"elements": [{"default_max": float("nan")}]}, "Invalid element configuration"),
        ({"elements": [{"units": 3}]}, "Invalid element configuration: [units]"),
        ({"elements": [{"plottable": 3}]}, "Invalid element configuration: [plottable]"),
        ({"elements": [{"default_min": 2, "default_max": 1}]}, "[default_max] must be >"),
        ({"name": ""}, "missing name"),
        ({"name": None}, "missing name"),
        ({"name": "a/b"}, "invalid name"),
        ({"keep_us": -2}, "invalid keep_us"),
        ({"keep_us": "1h"}, "invalid keep_us"),
        ({"decimate": "yes"}, "invalid decimate"),
        ({"description": 5}, "invalid description"),
    ],
)
async def test_an_update_against_the_rules_changes_nothing(
    catalog: Catalog, data: DataStream, changes: dict[str, Any], detail: str
) -> None:
    before = (dict(vars(data)), dict(vars(data.elements[0])))
    with pytest.raises(InvalidRequestError) as caught:
        await catalog.update_stream(DataStream, data.id, {"description": "new", **changes})
    assert caught.value.text.startswith(f"Invalid stream specification: {detail}")
    assert (vars(data), vars(data.elements[0])) == before


async def test_updating_an_event_stream(catalog: Catalog, events: EventStream) -> None:
    fields = {"kind": 'category:["a:b"]'}
    await catalog.update_stream(
        EventStream,
        events.id,
        {"name": "n", "event_fields": fields, "keep_us": 9, "chunk_duration_us": 4},
    )
    assert (events.name, events.event_fields, events.keep_us) == ("n", fields, 9)
    assert events.chunk_duration_us == 4
    with pytest.raises(InvalidRequestError, match="Invalid stream specification: event_fields"):
        await catalog.update_stream(EventStream, events.id, {"event_fields": 4})
    assert events.event_fields == fields


async def test_a_stream_cannot_take_the_name_of_its_neighbour_of_the_other_kind(
    catalog: Catalog, data: DataStream, events: EventStream
) -> None:
    assert data.id == events.id, "the ids of both kinds are independent and may be equal"
    with pytest.raises(ConflictError, match="stream with the same name exists in the folder"):
        await catalog.update_stream(DataStream, data.id, {"name": "e"})
    with pytest.raises(ConflictError, match="stream with the same name exists in the folder"):
        await catalog.update_stream(EventStream, events.id, {"name": "d"})
    await catalog.update_stream(DataStream, data.id, {"name": "d"})


async def test_attributes_that_are_no_object_are_refused(
    catalog: Catalog, data: DataStream, events: EventStream
) -> None:
    bad: Any = "x"
    with pytest.raises(InvalidRequestError, match=r"^error: \[stream\] attribute must be JSON$"):
        await catalog.update_stream(DataStream, data.id, bad)
    with pytest.raises(InvalidRequestError, match=r"^error: \[folder\] attribute must be JSON$"):
        await catalog.update_folder(catalog.folder("/a").id, bad)


async def test_flags_set_while_an_update_is_stored_are_kept(
    node: LocalNode, data: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    apply = engine.catalog.apply

    async def slow(changes: Any) -> None:
        begun.set()
        await go_on.wait()
        await apply(changes)

    monkeypatch.setattr(engine.catalog, "apply", slow)
    updating = asyncio.ensure_future(
        node.catalog.update_stream(DataStream, data.id, {"description": "new"})
    )
    await begun.wait()
    async with await node.data.open_writer(data):
        go_on.set()
        await updating
        assert data.description == "new"
        assert data.is_destination
    assert not data.is_destination


# ------------------------------------------------------------------ moving and deleting streams


async def test_a_moved_stream_is_found_in_its_new_place_only(
    catalog: Catalog, data: DataStream
) -> None:
    moved = await catalog.move_stream(DataStream, "/a/b/d", "/x/y")
    assert moved is data
    assert shape(catalog.root()) == {"a": {"b": {}}, "x": {"y": {"d": None}}}
    assert catalog.data_stream("/x/y/d") is data
    with pytest.raises(StreamNotFound):
        catalog.data_stream("/a/b/d")


async def test_an_event_stream_moves_likewise(catalog: Catalog, events: EventStream) -> None:
    await catalog.move_stream(EventStream, events.id, "/")
    assert catalog.event_stream("/e") is events


async def test_a_stream_cannot_move_where_its_name_is_taken(
    catalog: Catalog, data: DataStream
) -> None:
    await catalog.create_stream(EventStream("d"), "/c")
    for destination in ("/c", "/a/b"):
        with pytest.raises(
            ConflictError, match=r"^stream with the same name exists in the destination folder$"
        ):
            await catalog.move_stream(DataStream, data.id, destination)


async def test_a_move_that_fails_creates_no_folder(catalog: Catalog, data: DataStream) -> None:
    with pytest.raises(NotFoundError):
        await catalog.move_stream(DataStream, "/nope", "/new")
    with pytest.raises(NotFoundError, match=r"^folder does not exist$"):
        await catalog.move_stream(DataStream, data.id, 99)
    assert shape(catalog.root()) == {"a": {"b": {"d": None}}}


async def test_deleting_a_stream_deletes_rows_and_annotations(
    node: LocalNode, data: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(data) as writer:
        await writer.write(make_rows([1]))
    note = AnnotationRecord(1, data.id, "t", None, 0, None)
    other = AnnotationRecord(2, data.id + 1, "t", None, 0, None)
    await node.catalog.records.change(put=[note, other])
    await node.catalog.delete_stream(DataStream, "/a/b/d")
    with pytest.raises(StreamNotFound):
        node.catalog.data_stream(data.id)
    with pytest.raises(StreamNotFound):
        node.catalog.path_of(data)
    snapshot = await engine.catalog.load()
    assert snapshot.data_streams == ()
    assert list(snapshot.annotations) == node.catalog.annotations() == [other]
    assert engine.chosen.dropped == [[data.id]]


async def test_deleting_an_event_stream_deletes_its_events(
    catalog: Catalog, events: EventStream, engine: ChosenEngine
) -> None:
    await engine.events.write(events.id, [Event(1, 2)])
    await catalog.delete_stream(EventStream, "/a/b/e")
    assert (await engine.events.info(events.id)).count == 0
    assert (await engine.catalog.load()).event_streams == ()


async def test_ids_are_never_used_again_also_not_after_a_restart(
    catalog: Catalog, engine: ChosenEngine, clock: FakeClock, data: DataStream
) -> None:
    await catalog.delete_stream(DataStream, data.id)
    second = await catalog.create_stream(make_stream("d"), "/a/b")
    await catalog.delete_stream(DataStream, second.id)
    again = await reopened(engine, clock)
    third = await again.create_stream(make_stream("d"), "/a/b")
    assert data.id < second.id < third.id


async def test_many_things_at_once_get_ids_of_their_own(catalog: Catalog) -> None:
    wide = DataStream("w", elements=[Element(f"e{i}") for i in range(100)])
    made = [await catalog.create_stream(wide, f"/w{i}/a/b") for i in range(20)]
    assert len({stream.id for stream in made}) == 20
    assert len({element.id for stream in made for element in stream.elements}) == 2000
    assert len({catalog.folder_of(stream).id for stream in made}) == 20
