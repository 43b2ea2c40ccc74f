"""What all parts of the catalog share: the objects in memory and how a change is made."""

from __future__ import annotations

from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError
from joule.models.events import EventStream
from joule.models.folders import Folder
from joule.models.streams import DataStream
from joule.node.catalog.draft import Draft
from joule.node.catalog.ids import IdStock
from joule.node.catalog.tree import split_path
from joule.node.refs import ref_of
from joule.storage.interfaces import Kind
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from joule.models.streams import Stream, StreamKind
    from joule.node.catalog.flat import FlatRecords
    from joule.node.catalog.tree import Tree
    from joule.node.clock import Clock
    from joule.storage.interfaces import (
        AnnotationRecord,
        CatalogStore,
        FollowerRecord,
        MasterRecord,
        StreamRef,
    )

    Dropper = Callable[[Sequence[int], Sequence[int]], Awaitable[None]]

DEPTH_MAX = 100
"""Levels of folders, the root included."""


@dataclass(frozen=True)
class Place:
    """A folder, and the names of folders to be created below it."""

    folder: Folder
    missing: list[str]


class CatalogCore:
    """The tree, the flat records, and changes made one at a time.

    ``drop`` is awaited with the ids of data streams and of event streams that were deleted.
    """

    def __init__(
        self, store: CatalogStore, tree: Tree, records: FlatRecords, clock: Clock, drop: Dropper
    ) -> None:
        self.records = records
        self._store = store
        self._ids = IdStock(store)
        self._tree = tree
        self._clock = clock
        self._drop = drop
        self._last_stamp_us = _microseconds(tree.root.updated_at)

    # ------------------------------------------------------------------ looking up

    def root(self) -> Folder:
        """Give the root folder; ``locked`` is right for the whole tree at this moment."""
        self._tree.refresh_locks(self._tree.root)
        return self._tree.root

    def folder(self, spec: str | int) -> Folder:
        """Find a folder; ``locked`` is right for all below it at this moment."""
        folder = self._tree.folder(spec)
        self._tree.refresh_locks(folder)
        return folder

    def stream(self, kind: type[StreamKind], spec: str | int) -> StreamKind:
        """Find a data stream or an event stream."""
        return self._tree.stream(kind, spec)

    def data_stream(self, spec: str | int) -> DataStream:
        """Find a data stream."""
        return self.stream(DataStream, spec)

    def event_stream(self, spec: str | int) -> EventStream:
        """Find an event stream."""
        return self.stream(EventStream, spec)

    def data_streams(self) -> list[DataStream]:
        """All data streams."""
        return list(self._tree.data_streams.values())

    def event_streams(self) -> list[EventStream]:
        """All event streams."""
        return list(self._tree.event_streams.values())

    def path_of(self, item: Stream | Folder) -> str:
        """Give the path of a folder or stream; ``StreamNotFound`` for a stream not in here."""
        return self._tree.path(item)

    def folder_of(self, stream: Stream) -> Folder:
        """Give the folder that holds a stream."""
        return self._tree.home(stream)

    def ancestors(self, folder: Folder) -> list[Folder]:
        """Give a folder and all those above it, the root last."""
        return list(self._tree.chain(folder))

    def ref(self, stream: DataStream) -> StreamRef:
        """Give a data stream as the sample store knows it."""
        return ref_of(stream)

    def annotations(self) -> list[AnnotationRecord]:
        """All annotations."""
        return list(self.records.annotations.values())

    def masters(self) -> list[MasterRecord]:
        """All masters, in the order in which they were made."""
        return list(self.records.masters.values())

    def followers(self) -> list[FollowerRecord]:
        """All followers, in the order in which they were made."""
        return list(self.records.followers.values())

    # ------------------------------------------------------------------ changing

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[Draft]:
        """Fill in a draft, alone; at the end of the block it is carried out, unless it raises."""
        async with self.records.turn:
            draft = Draft(self._tree, self._stamp())
            yield draft
            await completely(self._carry_out(draft))

    async def _carry_out(self, draft: Draft) -> None:
        await self._store.apply(draft.changes())
        draft.take_effect()

    def _stamp(self) -> int:
        # Who compares stamps to see what is new would miss a change made after the clock went back.
        self._last_stamp_us = max(self._clock.now_us(), self._last_stamp_us + 1)
        return self._last_stamp_us

    def _place(self, destination: str | int) -> Place:
        """Find where something shall go; ``NotFoundError`` for an unknown id."""
        if isinstance(destination, int):
            return Place(self._tree.folder(destination), [])
        names = split_path(destination)
        if names is None:
            raise InvalidRequestError(f"Destination error: invalid path [{destination}]")
        return Place(*self._tree.descend(names))

    def _check_depth(self, place: Place, levels: int = 0) -> None:
        """Refuse to put ``levels`` of folders below a place so deep that walking there fails."""
        depth = len(list(self._tree.chain(place.folder))) + len(place.missing) + levels
        if depth > DEPTH_MAX:
            raise InvalidRequestError(
                f"Destination error: folders can be {DEPTH_MAX} levels deep at most"
            )

    async def _make_folders(self, place: Place, draft: Draft) -> Folder:
        """Give the folder of a place, created as far as it is missing."""
        self._check_depth(place)
        folder = place.folder
        draft.touch(folder)
        if place.missing:
            ids = await self._ids.take(Kind.FOLDER, len(place.missing))
            for id_, name in zip(ids, place.missing, strict=True):
                child = Folder(name)
                child.id = id_
                draft.add_folder(child, folder)
                folder = child
        return folder

    async def _add_stream(self, stream: StreamKind, place: Place, draft: Draft) -> StreamKind:
        """Give a copy of a stream as it will be stored, with ids; the caller has checked it."""
        new = copy(stream)
        new.is_configured = False
        if isinstance(new, DataStream):
            await self._adopt_elements(new)
        kind = Kind.DATA_STREAM if isinstance(new, DataStream) else Kind.EVENT_STREAM
        new.id = (await self._ids.take(kind))[0]
        folder = await self._make_folders(place, draft)
        draft.put_stream(new, folder)
        draft.stamp(new)
        draft.then(lambda: self._tree.add_stream(new, folder))
        return new

    async def _adopt_elements(self, stream: DataStream) -> None:
        stream.is_source = stream.is_destination = False
        stream.elements = [copy(element) for element in stream.elements]
        ids = await self._ids.take(Kind.ELEMENT, len(stream.elements))
        for index, (id_, element) in enumerate(zip(ids, stream.elements, strict=True)):
            element.id = id_
            element.index = index
            element.display_type = element.display_type.lower()


def _microseconds(time: datetime | None) -> int:
    return 0 if time is None else int(time.timestamp() * 1e6) + 1
