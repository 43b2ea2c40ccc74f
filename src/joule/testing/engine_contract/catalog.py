"""The suite for catalog stores."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogChanges,
    CatalogSnapshot,
    DataStreamRecord,
    ElementRecord,
    EventStreamRecord,
    FolderRecord,
    FollowerRecord,
    Kind,
    MasterRecord,
)

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine

ROOT = FolderRecord(1, "root", None, None, 1_700_000_000_000_001)
FOLDER = FolderRecord(2, "größe \U0001f600 'quoted'", "a description", 1, -5)
PLAIN = ElementRecord(1, 0, "x", None, None, "continuous", 0.0, 1.0, None, None)
RICH = ElementRecord(2, 1, "y", "kW", False, "event", -1.5, 0.1, 1e300, -1e-300)
STREAM = DataStreamRecord(
    1, "aggregate", "", "float32", -1, True, False, 2, 1_700_000_000_000_002, (PLAIN, RICH)
)
EVENTS = EventStreamRecord(
    1, "motor", None, {"label": "string", "kind": 'category:["a:b","c"]'}, 0, 86_400, True, 2, 7
)
NOTE = AnnotationRecord(1, 1, "note", None, -(2**57), 2**62)
OPEN_NOTE = AnnotationRecord(2, 1, "", "text", 5, None)
OWNER = MasterRecord(1, "owner", "USER", bytes(range(32)), "admin", None)
GUEST = MasterRecord(2, "guest", "JOULE_NODE", b"\x00" * 32, "read", 1)
FOLLOWER = FollowerRecord(1, "node1", "https://node1:8088", "key")

FULL = CatalogSnapshot(
    (ROOT, FOLDER), (STREAM,), (EVENTS,), (NOTE, OPEN_NOTE), (OWNER, GUEST), (FOLLOWER,)
)


def everything(snapshot: CatalogSnapshot) -> list[Any]:
    """Give all records of a snapshot in one list."""
    return [
        *snapshot.folders,
        *snapshot.data_streams,
        *snapshot.event_streams,
        *snapshot.annotations,
        *snapshot.masters,
        *snapshot.followers,
    ]


class CatalogStoreContract:
    """What every ``CatalogStore`` does."""

    async def test_a_new_catalog_is_empty(self, engine: Engine) -> None:
        assert await engine.catalog.load() == CatalogSnapshot()

    async def test_records_come_back_as_they_were_put(self, engine: Engine) -> None:
        await engine.catalog.apply(CatalogChanges(put=everything(FULL)))
        assert await engine.catalog.load() == FULL

    async def test_records_come_back_in_the_order_of_their_ids(self, engine: Engine) -> None:
        folders = [replace(FOLDER, id=id_) for id_ in (30, 4, 200, 1)]
        await engine.catalog.apply(CatalogChanges(put=list(folders)))
        loaded = (await engine.catalog.load()).folders
        assert [folder.id for folder in loaded] == [1, 4, 30, 200]

    async def test_elements_come_back_in_column_order(self, engine: Engine) -> None:
        elements = tuple(replace(PLAIN, id=90 - i, index=i, name=f"e{i}") for i in range(12))
        await engine.catalog.apply(
            CatalogChanges(put=[ROOT, FOLDER, replace(STREAM, elements=elements)])
        )
        assert (await engine.catalog.load()).data_streams[0].elements == elements

    async def test_a_put_replaces_by_id(self, engine: Engine) -> None:
        await engine.catalog.apply(CatalogChanges(put=everything(FULL)))
        stream = replace(STREAM, name="renamed", elements=(replace(RICH, id=9, index=0),))
        events = replace(EVENTS, event_fields={}, description="now")
        folder = replace(FOLDER, parent_id=None, description=None)
        await engine.catalog.apply(CatalogChanges(put=[stream, events, folder]))
        expected = replace(
            FULL, folders=(ROOT, folder), data_streams=(stream,), event_streams=(events,)
        )
        assert await engine.catalog.load() == expected

    async def test_streams_may_swap_their_elements(self, engine: Engine) -> None:
        left, right = replace(STREAM, elements=(PLAIN,)), replace(STREAM, id=2, elements=(RICH,))
        await engine.catalog.apply(CatalogChanges(put=[ROOT, FOLDER, left, right]))
        swapped = [replace(left, elements=(RICH,)), replace(right, elements=(PLAIN,))]
        await engine.catalog.apply(CatalogChanges(put=list(swapped)))
        assert list((await engine.catalog.load()).data_streams) == swapped

    async def test_deleted_records_are_gone_with_their_elements(self, engine: Engine) -> None:
        await engine.catalog.apply(CatalogChanges(put=everything(FULL)))
        gone = [(Kind.ANNOTATION, 1), (Kind.MASTER, 2), (Kind.FOLLOWER, 1)]
        await engine.catalog.apply(CatalogChanges(delete=list(gone)))
        rest = CatalogSnapshot((ROOT, FOLDER), (STREAM,), (EVENTS,), (OPEN_NOTE,), (OWNER,), ())
        assert await engine.catalog.load() == rest
        gone = [(Kind.DATA_STREAM, 1), (Kind.ANNOTATION, 2)]
        await engine.catalog.apply(CatalogChanges(delete=list(gone)))
        expected = CatalogSnapshot((ROOT, FOLDER), (), (EVENTS,), (), (OWNER,), ())
        assert await engine.catalog.load() == expected
        await engine.catalog.apply(CatalogChanges(put=[replace(STREAM, elements=(RICH,))]))
        assert (await engine.catalog.load()).data_streams[0].elements == (RICH,)

    async def test_deleting_what_does_not_exist_is_fine(self, engine: Engine) -> None:
        gone = [(Kind.FOLDER, 7), (Kind.DATA_STREAM, 7), (Kind.EVENT_STREAM, 7)]
        await engine.catalog.apply(CatalogChanges(delete=list(gone)))
        assert await engine.catalog.load() == CatalogSnapshot()

    async def test_puts_and_deletes_go_together(self, engine: Engine) -> None:
        await engine.catalog.apply(CatalogChanges(put=[ROOT, FOLDER, STREAM]))
        moved = replace(STREAM, folder_id=1)
        await engine.catalog.apply(CatalogChanges(put=[moved], delete=[(Kind.FOLDER, 2)]))
        expected = CatalogSnapshot(folders=(ROOT,), data_streams=(moved,))
        assert await engine.catalog.load() == expected

    async def test_changes_that_cannot_all_be_made_are_not_made_at_all(
        self, engine: Engine
    ) -> None:
        await engine.catalog.apply(CatalogChanges(put=[ROOT]))
        bad: Any = "not a record"
        changes = CatalogChanges(put=[FOLDER, bad], delete=[(Kind.FOLDER, 1)])
        with pytest.raises(Exception, match=r"."):
            await engine.catalog.apply(changes)
        assert await engine.catalog.load() == CatalogSnapshot(folders=(ROOT,))

    async def test_what_is_handed_out_is_a_copy(self, engine: Engine) -> None:
        fields = {"a": "string"}
        await engine.catalog.apply(
            CatalogChanges(put=[ROOT, FOLDER, replace(EVENTS, event_fields=fields)])
        )
        fields["b"] = "numeric"
        loaded = (await engine.catalog.load()).event_streams[0]
        loaded.event_fields["c"] = "numeric"
        assert (await engine.catalog.load()).event_streams[0].event_fields == {"a": "string"}

    async def test_ids_are_consecutive_and_each_kind_counts_alone(self, engine: Engine) -> None:
        allocate = engine.catalog.allocate
        assert await allocate(Kind.FOLDER) == range(1, 2)
        assert await allocate(Kind.FOLDER, 3) == range(2, 5)
        assert await allocate(Kind.ELEMENT, 2) == range(1, 3)
        assert await allocate(Kind.FOLDER, 0) == range(5, 5)
        assert await allocate(Kind.FOLDER) == range(5, 6)

    async def test_who_asks_for_ids_at_once_gets_different_ones(self, engine: Engine) -> None:
        given = await asyncio.gather(*(engine.catalog.allocate(Kind.FOLDER, 3) for _ in range(12)))
        assert sorted(id_ for ids in given for id_ in ids) == list(range(1, 37))

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_every_kind_has_ids(self, engine: Engine, kind: Kind) -> None:
        assert await engine.catalog.allocate(kind, 2) == range(1, 3)

    async def test_ids_of_the_deleted_are_not_given_again(self, engine: Engine) -> None:
        (first,) = await engine.catalog.allocate(Kind.FOLDER)
        await engine.catalog.apply(CatalogChanges(put=[replace(ROOT, id=first)]))
        await engine.catalog.apply(CatalogChanges(delete=[(Kind.FOLDER, first)]))
        (second,) = await engine.catalog.allocate(Kind.FOLDER)
        assert second > first

    async def test_ids_that_records_brought_along_are_not_given(self, engine: Engine) -> None:
        stream = replace(STREAM, id=40, elements=(replace(PLAIN, id=70),))
        await engine.catalog.apply(CatalogChanges(put=[ROOT, FOLDER, stream]))
        await engine.catalog.apply(CatalogChanges(delete=[(Kind.DATA_STREAM, 40)]))
        assert await engine.catalog.allocate(Kind.DATA_STREAM) == range(41, 42)
        assert await engine.catalog.allocate(Kind.ELEMENT) == range(71, 72)

    @pytest.mark.parametrize("value", ["text", 5, 2.5, True, None, {"a": [1, {"b": "ü"}]}, []])
    async def test_properties_come_back(self, engine: Engine, value: Any) -> None:
        await engine.catalog.set_property("name", "older")
        await engine.catalog.set_property("name", value)
        await engine.catalog.set_property("other", 1)
        assert await engine.catalog.get_property("name") == value

    async def test_all_properties_are_told(self, engine: Engine) -> None:
        await engine.catalog.set_property("exporter a", {"marks": [1, None]})
        await engine.catalog.set_property("note", None)
        found = await engine.catalog.properties()
        found.pop("uuid", None)  # an engine may have one from the start
        assert found == {"exporter a": {"marks": [1, None]}, "note": None}

    async def test_an_absent_property_is_none(self, engine: Engine) -> None:
        assert await engine.catalog.get_property("absent") is None
