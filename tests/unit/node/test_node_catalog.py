from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StorageError,
    StreamNotFound,
)
from joule.models.events import EventStream
from joule.models.streams import DataStream, Element
from joule.storage.interfaces import AnnotationRecord, Kind
from tests.unit.node.support import make_stream, reopened, shape

if TYPE_CHECKING:
    from joule.node import Catalog
    from joule.testing.clock import FakeClock
    from tests.unit.node.support import ChosenEngine


# ------------------------------------------------------------------ looking up


def test_a_new_catalog_has_a_locked_root(catalog: Catalog) -> None:
    root = catalog.root()
    assert (root.name, root.locked, catalog.path_of(root)) == ("root", True, "/")
    assert catalog.folder("/") is root
    assert catalog.folder(root.id) is root


def test_things_are_found_by_path_and_by_id(
    catalog: Catalog, data: DataStream, events: EventStream
) -> None:
    assert catalog.data_stream("/a/b/d") is catalog.data_stream(data.id) is data
    assert catalog.event_stream("/a/b/e") is catalog.event_stream(events.id) is events
    folder = catalog.folder("/a/b")
    assert catalog.folder(folder.id) is folder
    assert [catalog.path_of(item) for item in (folder, data, events)] == [
        "/a/b",
        "/a/b/d",
        "/a/b/e",
    ]


async def test_a_stream_may_live_in_the_root(catalog: Catalog) -> None:
    stream = await catalog.create_stream(make_stream("top"), "/")
    assert catalog.data_stream("/top") is stream
    assert catalog.path_of(stream) == "/top"


@pytest.mark.parametrize("path", ["", "a", "/nope", "//", "/a/", "/a//b", "a/b", "/a/b/d", 99])
def test_a_folder_that_is_not_there(catalog: Catalog, data: DataStream, path: str | int) -> None:
    with pytest.raises(NotFoundError, match=r"^folder does not exist$"):
        catalog.folder(path)


@pytest.mark.parametrize("path", ["", "d", "/", "/a", "/a/b", "/a/b/e", "a/b/d", "/a/b/d/", 99])
def test_a_data_stream_that_is_not_there(
    catalog: Catalog, data: DataStream, events: EventStream, path: str | int
) -> None:
    with pytest.raises(StreamNotFound, match=r"^stream does not exist$"):
        catalog.data_stream(path)


@pytest.mark.parametrize("path", ["/a/b/d", "/a/b", 99])
def test_an_event_stream_that_is_not_there(
    catalog: Catalog, data: DataStream, path: str | int
) -> None:
    with pytest.raises(StreamNotFound, match=r"^stream does not exist$"):
        catalog.event_stream(path)


# ------------------------------------------------------------------ creating


async def test_creating_a_stream_creates_its_folders_and_gives_ids(catalog: Catalog) -> None:
    given = DataStream("d", elements=[Element("x"), Element("y", display_type="DISCRETE")])
    made = await catalog.create_stream(given, "/p/q")
    assert shape(catalog.root()) == {"p": {"q": {"d": None}}}
    assert [(e.name, e.index, e.display_type) for e in made.elements] == [
        ("x", 0, "continuous"),
        ("y", 1, "discrete"),
    ]
    assert len({e.id for e in made.elements}) == 2
    assert not given.is_saved
    assert not given.elements[0].is_saved


async def test_flags_that_a_client_sends_are_discarded(catalog: Catalog) -> None:
    given = make_stream("d", is_configured=True, is_source=True, is_destination=True)
    made = await catalog.create_stream(given, "/p")
    assert not made.locked
    assert given.is_configured


async def test_a_stream_can_be_put_into_a_folder_by_id(catalog: Catalog, data: DataStream) -> None:
    made = await catalog.create_stream(make_stream("x"), catalog.folder("/a").id)
    assert catalog.path_of(made) == "/a/x"
    with pytest.raises(NotFoundError, match=r"^folder does not exist$"):
        await catalog.create_stream(make_stream("x"), 999)


@pytest.mark.parametrize("path", ["", "a", "/a/", "//", "/a//b"])
async def test_an_invalid_destination_is_named(catalog: Catalog, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await catalog.create_stream(make_stream("x"), path)
    assert caught.value.text == f"Destination error: invalid path [{path}]"
    assert shape(catalog.root()) == {}


@pytest.mark.parametrize(
    ("stream", "detail"),
    [
        (make_stream(""), "missing name"),
        (make_stream("a/b"), "invalid name, '\\' not allowed"),
        (DataStream("x", datatype="uint8", elements=[Element("a")]), "invalid datatype [uint8]"),
        (DataStream("x"), "stream must have at least one element"),
        (DataStream("x", elements=[Element("a"), Element("a")]), "element names must be unique"),
        (DataStream("x", elements=[Element("a", display_type="odd")]), "invalid display_type"),
        (make_stream("x", keep_us=-2), "invalid keep_us"),
    ],
)
async def test_a_stream_against_the_rules_is_refused_and_creates_no_folder(
    catalog: Catalog, stream: DataStream, detail: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await catalog.create_stream(stream, "/new")
    assert caught.value.text.startswith(f"Invalid stream specification: {detail}")
    assert shape(catalog.root()) == {}


async def test_an_event_stream_against_the_rules_is_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequestError, match="Invalid stream specification: invalid value in"):
        await catalog.create_stream(EventStream("e", event_fields={"a": "odd"}), "/new")
    assert shape(catalog.root()) == {}


@pytest.mark.parametrize("name", ["d", "e"])
async def test_stream_names_are_unique_in_a_folder_across_both_kinds(
    catalog: Catalog, data: DataStream, events: EventStream, name: str
) -> None:
    text = "^Invalid stream specification: stream with the same name exists in the folder$"
    with pytest.raises(ConflictError, match=text):
        await catalog.create_stream(make_stream(name), "/a/b")
    with pytest.raises(ConflictError, match=text):
        await catalog.create_stream(EventStream(name), "/a/b")


async def test_a_folder_and_a_stream_may_share_a_name(catalog: Catalog, data: DataStream) -> None:
    await catalog.create_stream(make_stream("b"), "/a")
    assert catalog.data_stream("/a/b").name == "b"
    assert catalog.folder("/a/b").data_streams == [data]


async def test_two_that_create_the_same_name_at_once_cannot_both_succeed(catalog: Catalog) -> None:
    outcomes = await asyncio.gather(
        *(catalog.create_stream(make_stream("x"), "/p") for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, DataStream) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 4
    assert shape(catalog.root()) == {"p": {"x": None}}


# ------------------------------------------------------------------ what survives


async def test_everything_is_there_again_after_a_restart(
    catalog: Catalog, engine: ChosenEngine, clock: FakeClock, data: DataStream, events: EventStream
) -> None:
    await catalog.update_stream(
        DataStream,
        data.id,
        {"name": "n", "keep_us": 7, "decimate": False, "elements": [{"units": "A", "offset": 2}]},
    )
    await catalog.update_stream(EventStream, events.id, {"event_fields": {"a": "numeric"}})
    await catalog.move_folder("/a/b", "/x")
    await catalog.update_folder(catalog.folder("/x").id, {"name": "y", "description": "why"})
    again = await reopened(engine, clock)
    assert shape(again.root()) == shape(catalog.root())
    for mine, theirs in (
        (catalog.data_stream(data.id), again.data_stream("/y/b/n")),
        (catalog.event_stream(events.id), again.event_stream("/y/b/e")),
        (catalog.data_stream(data.id).elements[0], again.data_stream(data.id).elements[0]),
    ):
        left, right = dict(vars(mine)), dict(vars(theirs))
        left.pop("elements", None)
        right.pop("elements", None)
        assert left == right
    for path in ("/", "/a", "/y", "/y/b"):
        assert again.folder(path).updated_at == catalog.folder(path).updated_at
        assert again.folder(path).description == catalog.folder(path).description


async def test_flags_are_off_after_a_restart(
    catalog: Catalog, engine: ChosenEngine, clock: FakeClock, data: DataStream
) -> None:
    await catalog.configure_stream(make_stream("d", keep_us=3), "/a/b")
    assert data.is_configured
    again = await reopened(engine, clock)
    assert not again.data_stream(data.id).locked


async def test_a_store_that_fails_leaves_memory_as_it_was(
    catalog: Catalog, engine: ChosenEngine, data: DataStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(changes: object) -> None:
        raise StorageError("disk full")

    before = shape(catalog.root()), catalog.root().updated_at, data.name
    with monkeypatch.context() as patch:
        patch.setattr(engine.catalog, "apply", failing)
        for attempt in (
            catalog.create_stream(make_stream("x"), "/p/q"),
            catalog.update_stream(DataStream, data.id, {"name": "x"}),
            catalog.move_stream(DataStream, data.id, "/p"),
            catalog.delete_stream(DataStream, data.id),
            catalog.move_folder("/a/b", "/p"),
            catalog.delete_folder("/a", recursive=True),
        ):
            with pytest.raises(StorageError):
                await attempt
    assert (shape(catalog.root()), catalog.root().updated_at, data.name) == before
    await catalog.update_stream(DataStream, data.id, {"name": "x"})


async def test_a_cancelled_change_is_in_memory_when_it_is_in_the_store(
    catalog: Catalog, engine: ChosenEngine, data: DataStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    apply = engine.catalog.apply

    async def slow(changes: Any) -> None:
        begun.set()
        await go_on.wait()
        await apply(changes)

    monkeypatch.setattr(engine.catalog, "apply", slow)
    updating = asyncio.ensure_future(catalog.update_stream(DataStream, data.id, {"name": "x"}))
    await begun.wait()
    updating.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await updating
    [record] = (await engine.catalog.load()).data_streams
    assert record.name == data.name == "x"


async def test_flat_records_are_kept_by_kind(
    catalog: Catalog, engine: ChosenEngine, clock: FakeClock
) -> None:
    id_ = await catalog.records.new_id(Kind.ANNOTATION)
    note = AnnotationRecord(id_, 1, "t", "c", 5, 6)
    await catalog.records.change(put=[note])
    assert catalog.annotations() == [note]
    assert (await reopened(engine, clock)).annotations() == [note]
    await catalog.records.change(delete=[(Kind.ANNOTATION, id_)])
    assert catalog.annotations() == []
