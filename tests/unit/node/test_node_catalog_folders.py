from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from joule.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StreamNotFound,
)
from joule.models.streams import DataStream
from joule.testing.clock import FakeClock
from tests.unit.node.support import make_stream, reopened, shape, stamp_of

if TYPE_CHECKING:
    from joule.models.events import EventStream
    from joule.node import Catalog
    from tests.unit.node.support import ChosenEngine


# ------------------------------------------------------------------ folders


async def test_a_folder_can_be_renamed_and_described(catalog: Catalog, data: DataStream) -> None:
    folder = catalog.folder("/a")
    updated = await catalog.update_folder(folder.id, {"name": "z", "description": "d", "x": 1})
    assert updated is folder
    assert (folder.name, folder.description) == ("z", "d")
    assert catalog.path_of(data) == "/z/b/d"
    assert catalog.data_stream("/z/b/d") is data
    with pytest.raises(NotFoundError):
        catalog.folder("/a")
    await catalog.update_folder(folder.id, {"description": None})
    assert (folder.name, folder.description) == ("z", None)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": ""}, "error: missing name"),
        ({"name": "a/b"}, "error: invalid name, '\\' not allowed"),
        ({"description": 1}, "error: invalid description, must be text"),
        ({"name": "c"}, "a folder with this name is in the destination folder"),
    ],
)
async def test_a_folder_update_against_the_rules_changes_nothing(
    catalog: Catalog, data: DataStream, changes: dict[str, Any], text: str
) -> None:
    await catalog.create_stream(make_stream("x"), "/c")
    with pytest.raises(InvalidRequestError) as caught:
        await catalog.update_folder(catalog.folder("/a").id, changes)
    assert caught.value.text == text
    assert catalog.folder("/a").description is None


async def test_a_folder_moves_with_all_it_holds(catalog: Catalog, data: DataStream) -> None:
    await catalog.move_folder("/a/b", "/x/y")
    assert shape(catalog.root()) == {"a": {}, "x": {"y": {"b": {"d": None}}}}
    assert catalog.path_of(data) == "/x/y/b/d"
    assert catalog.data_stream("/x/y/b/d") is data


@pytest.mark.parametrize("destination", ["/a", "/a/b", "/a/new", "/a/b/new/deep"])
async def test_a_folder_cannot_be_placed_in_itself_or_below(
    catalog: Catalog, data: DataStream, destination: str
) -> None:
    with pytest.raises(InvalidRequestError, match=r"^cannot place a parent in a child folder$"):
        await catalog.move_folder("/a", destination)
    assert shape(catalog.root()) == {"a": {"b": {"d": None}}}


async def test_a_folder_cannot_move_where_its_name_is_taken(
    catalog: Catalog, data: DataStream
) -> None:
    await catalog.create_stream(make_stream("x"), "/c/b")
    for destination in ("/c", "/a"):
        with pytest.raises(
            ConflictError, match=r"^a folder with this name is in the destination folder$"
        ):
            await catalog.move_folder("/a/b", destination)


async def test_folders_cannot_be_so_deep_that_walking_there_fails(catalog: Catalog) -> None:
    text = r"^Destination error: folders can be 100 levels deep at most$"
    with pytest.raises(InvalidRequestError, match=text):
        await catalog.create_stream(make_stream("x"), "/d" * 100)
    await catalog.create_stream(make_stream("x"), "/d" * 99)
    await catalog.create_stream(make_stream("x"), "/e")
    with pytest.raises(InvalidRequestError, match=text):
        await catalog.move_folder("/d", "/e")


async def test_a_folder_cannot_move_to_an_unknown_id(catalog: Catalog, data: DataStream) -> None:
    with pytest.raises(NotFoundError, match=r"^folder does not exist$"):
        await catalog.move_folder("/a/b", 99)


async def test_a_folder_with_subfolders_is_only_deleted_recursively(
    catalog: Catalog, data: DataStream, events: EventStream, engine: ChosenEngine
) -> None:
    with pytest.raises(
        InvalidRequestError, match=r"^specify \[recursive\] or remove child folders first$"
    ):
        await catalog.delete_folder("/a")
    await catalog.delete_folder("/a", recursive=True)
    assert shape(catalog.root()) == {}
    snapshot = await engine.catalog.load()
    assert [folder.name for folder in snapshot.folders] == ["root"]
    assert (snapshot.data_streams, snapshot.event_streams) == ((), ())
    with pytest.raises(StreamNotFound):
        catalog.data_stream(data.id)
    with pytest.raises(StreamNotFound):
        catalog.event_stream(events.id)


async def test_streams_do_not_keep_a_folder_from_being_deleted(
    catalog: Catalog, data: DataStream
) -> None:
    await catalog.delete_folder("/a/b")
    assert shape(catalog.root()) == {"a": {}}


async def test_a_thousand_streams_are_deleted_in_one_transaction(
    catalog: Catalog, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(1000):
        await catalog.create_stream(make_stream(f"s{i}"), f"/big/{i % 3}")
    calls = []
    apply = engine.catalog.apply

    async def counted(changes: Any) -> None:
        calls.append(changes)
        await apply(changes)

    monkeypatch.setattr(engine.catalog, "apply", counted)
    await catalog.delete_folder("/big", recursive=True)
    assert len(calls) == 1
    assert [len(ids) for ids in engine.chosen.dropped] == [1000]
    assert catalog.data_streams() == []


async def test_a_change_writes_no_more_records_than_the_tree_is_deep(
    catalog: Catalog, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(50):
        await catalog.create_stream(make_stream(f"s{i}"), f"/big/{i}")
    calls = []
    apply = engine.catalog.apply

    async def counted(changes: Any) -> None:
        calls.append(changes)
        await apply(changes)

    monkeypatch.setattr(engine.catalog, "apply", counted)
    await catalog.update_stream(DataStream, catalog.data_stream("/big/7/s7").id, {"name": "x"})
    assert [len(changes.put) for changes in calls] == [4]


# ------------------------------------------------------------------ when things changed


async def test_every_change_stamps_the_object_and_all_folders_above_it(
    catalog: Catalog, clock: FakeClock, data: DataStream
) -> None:
    await catalog.create_stream(make_stream("x"), "/other")
    other = catalog.folder("/other").updated_at
    folders = [catalog.root(), catalog.folder("/a"), catalog.folder("/a/b")]
    before = [stamp_of(item) for item in folders]
    await clock.advance(10)
    await catalog.update_stream(DataStream, data.id, {"description": "new"})
    assert {stamp_of(item) for item in folders} == {stamp_of(data)}
    assert all(stamp_of(data) > stamp for stamp in before)
    assert catalog.folder("/other").updated_at == other


async def test_a_move_stamps_both_chains_and_a_deletion_the_one_above(
    catalog: Catalog, data: DataStream
) -> None:
    await catalog.create_stream(make_stream("x"), "/other")
    await catalog.move_stream(DataStream, data.id, "/other/deep")
    folders = ["/", "/a", "/a/b", "/other", "/other/deep"]
    stamps = {catalog.folder(path).updated_at for path in folders}
    assert stamps == {data.updated_at}
    root = catalog.root().updated_at
    await catalog.delete_folder("/other/deep")
    assert catalog.folder("/other").updated_at == catalog.root().updated_at != root
    assert catalog.folder("/a").updated_at == root


async def test_stamps_grow_even_when_the_clock_stands_still_or_goes_back(
    catalog: Catalog, engine: ChosenEngine, data: DataStream
) -> None:
    stamps = [stamp_of(catalog.root())]
    for name in ("x", "y", "z"):
        await catalog.update_stream(DataStream, data.id, {"name": name})
        stamps.append(stamp_of(catalog.root()))
    again = await reopened(engine, FakeClock(now_us=1))
    await again.update_stream(DataStream, data.id, {"name": "w"})
    stamps.append(stamp_of(again.root()))
    assert all(earlier < later for earlier, later in pairwise(stamps))
