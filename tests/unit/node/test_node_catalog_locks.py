from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import (
    LockedError,
)
from joule.models.events import EventStream
from joule.models.streams import DataStream
from tests.unit.node.support import make_stream

if TYPE_CHECKING:
    from joule.node import Catalog, LocalNode


async def test_a_stream_in_use_cannot_be_changed_moved_or_deleted(
    catalog: Catalog, data: DataStream
) -> None:
    for flag in ("is_source", "is_destination", "is_configured"):
        setattr(data, flag, True)
        for attempt in (
            catalog.update_stream(DataStream, data.id, {"name": "x"}),
            catalog.move_stream(DataStream, data.id, "/z"),
            catalog.delete_stream(DataStream, data.id),
        ):
            with pytest.raises(LockedError, match=r"^stream is locked$"):
                await attempt
        setattr(data, flag, False)
    assert catalog.data_stream("/a/b/d") is data


async def test_a_configured_event_stream_cannot_be_changed_moved_or_deleted(
    catalog: Catalog, events: EventStream
) -> None:
    events.is_configured = True
    for attempt in (
        catalog.update_stream(EventStream, events.id, {"name": "x"}),
        catalog.move_stream(EventStream, events.id, "/z"),
        catalog.delete_stream(EventStream, events.id),
    ):
        with pytest.raises(LockedError, match=r"^stream is locked$"):
            await attempt


@pytest.mark.parametrize("kind", ["data", "events"])
async def test_a_locked_stream_locks_every_folder_above_it(
    catalog: Catalog, data: DataStream, events: EventStream, kind: str
) -> None:
    await catalog.create_stream(make_stream("free"), "/c")
    (data if kind == "data" else events).is_configured = True
    assert catalog.folder("/a").locked
    assert catalog.folder("/a/b").locked
    assert not catalog.folder("/c").locked
    for attempt in (
        catalog.update_folder(catalog.folder("/a").id, {"name": "x"}),
        catalog.move_folder("/a", "/c"),
        catalog.delete_folder("/a", recursive=True),
    ):
        with pytest.raises(LockedError, match=r"^folder is locked$"):
            await attempt


async def test_locks_are_as_of_now(node: LocalNode, data: DataStream) -> None:
    async with await node.data.open_writer(data):
        assert node.catalog.folder("/a").locked
    assert not node.catalog.folder("/a").locked


async def test_the_root_cannot_be_changed_moved_or_deleted(catalog: Catalog) -> None:
    for attempt in (
        catalog.update_folder(catalog.root().id, {"name": "x"}),
        catalog.move_folder("/", "/c"),
        catalog.delete_folder("/", recursive=True),
    ):
        with pytest.raises(LockedError, match=r"^folder is locked$"):
            await attempt


async def test_things_may_be_moved_into_a_locked_folder(catalog: Catalog, data: DataStream) -> None:
    data.is_configured = True
    other = await catalog.create_stream(make_stream("x"), "/c")
    await catalog.move_stream(DataStream, other.id, "/a/b")
    assert catalog.path_of(other) == "/a/b/x"
