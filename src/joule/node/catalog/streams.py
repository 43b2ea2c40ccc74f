"""Creating, changing, moving and deleting streams; data streams and event streams alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.errors import ConfigurationError, ConflictError, InvalidRequestError, LockedError
from joule.models.streams import DataStream
from joule.node.catalog.core import CatalogCore
from joule.node.catalog.edits import edited_data_stream, edited_event_stream
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from joule.models.events import EventStream
    from joule.models.folders import Folder
    from joule.node.catalog.core import S
    from joule.node.catalog.draft import Draft
    from joule.node.catalog.tree import Stream

NAME_TAKEN = "stream with the same name exists in the folder"


class StreamChanges(CatalogCore):
    """The part of the catalog that changes streams."""

    async def create_data_stream(self, stream: DataStream, destination: str | int) -> DataStream:
        """Create a data stream like ``stream`` (which is not kept), and the folders it needs."""
        return await self._create(stream, destination)

    async def create_event_stream(self, stream: EventStream, destination: str | int) -> EventStream:
        """Create an event stream like ``stream`` (which is not kept), and the folders it needs."""
        return await self._create(stream, destination)

    async def update_data_stream(self, stream_id: int, changes: Mapping[str, Any]) -> DataStream:
        """Apply JSON attributes: name, description, keep_us, decimate, elements; else nothing."""
        async with self._change() as draft:
            stream = self._unlocked(self._tree.data_stream(stream_id))
            self._update(stream, _edited(edited_data_stream, stream, changes), draft)
        return stream

    async def update_event_stream(self, stream_id: int, changes: Mapping[str, Any]) -> EventStream:
        """As for data streams: name, description, event_fields, chunk_duration_us, keep_us."""
        async with self._change() as draft:
            stream = self._unlocked(self._tree.event_stream(stream_id))
            self._update(stream, _edited(edited_event_stream, stream, changes), draft)
        return stream

    async def move_data_stream(self, source: str | int, destination: str | int) -> DataStream:
        """Put a data stream into another folder; what is stored follows it."""
        async with self._change() as draft:
            stream = self._unlocked(self._tree.data_stream(source))
            await self._move(stream, destination, draft)
        return stream

    async def move_event_stream(self, source: str | int, destination: str | int) -> EventStream:
        """Put an event stream into another folder; what is stored follows it."""
        async with self._change() as draft:
            stream = self._unlocked(self._tree.event_stream(source))
            await self._move(stream, destination, draft)
        return stream

    async def delete_data_stream(self, spec: str | int) -> None:
        """Delete a data stream with its rows and annotations."""
        async with self._change() as draft:
            stream = self._unlocked(self._tree.data_stream(spec))
            self._delete(stream, draft)
        await self._drop([stream.id], [])

    async def delete_event_stream(self, spec: str | int) -> None:
        """Delete an event stream with its events."""
        async with self._change() as draft:
            stream = self._unlocked(self._tree.event_stream(spec))
            self._delete(stream, draft)
        await self._drop([], [stream.id])

    # ------------------------------------------------------------------ either kind

    async def _create(self, stream: S, destination: str | int) -> S:
        async with self._change() as draft:
            try:
                stream.check()
            except ConfigurationError as error:
                raise _invalid(error) from error
            place = self._place(destination)
            if not place.missing:
                self._check_name_free(place.folder, stream.name)
            return await self._add_stream(stream, place, draft)

    def _unlocked(self, stream: S) -> S:
        if stream.locked:
            raise LockedError("stream is locked")
        return stream

    def _check_name_free(self, folder: Folder, name: str, but: Stream | None = None) -> None:
        taken = self._tree.stream_named(folder, name)
        if taken is not None and taken is not but:
            raise ConflictError(f"Invalid stream specification: {NAME_TAKEN}")

    def _update(self, stream: S, edited: S, draft: Draft) -> None:
        folder = self._tree.home(stream)
        self._check_name_free(folder, edited.name, but=stream)
        self._replace(stream, edited, draft)

    def _replace(self, stream: S, edited: S, draft: Draft) -> None:
        """Store ``edited`` and give ``stream`` its attributes."""
        draft.put_stream(edited, self._tree.home(stream))
        draft.then(lambda: self._tree.rename_stream(stream, edited.name))
        draft.then(lambda: _take_attributes(stream, edited))
        draft.stamp(stream)

    async def _move(self, stream: Stream, destination: str | int, draft: Draft) -> None:
        place = self._place(destination)
        if not place.missing and self._tree.stream_named(place.folder, stream.name):
            raise ConflictError("stream with the same name exists in the destination folder")
        draft.touch(self._tree.home(stream))
        folder = await self._make_folders(place, draft)
        draft.put_stream(stream, folder)
        draft.stamp(stream)
        draft.then(lambda: self._tree.take_stream(stream))
        draft.then(lambda: self._tree.add_stream(stream, folder))

    def _delete(self, stream: Stream, draft: Draft) -> None:
        draft.touch(self._tree.home(stream))
        if isinstance(stream, DataStream):
            self._delete_records([stream.id], [], draft)
        else:
            self._delete_records([], [stream.id], draft)
        draft.then(lambda: self._tree.take_stream(stream))

    def _delete_records(self, data_ids: list[int], event_ids: list[int], draft: Draft) -> None:
        """Delete streams and what hangs on them from the store."""
        notes = self.records.annotation_ids(data_ids)
        draft.delete(Kind.ANNOTATION, notes)
        draft.delete(Kind.DATA_STREAM, data_ids)
        draft.delete(Kind.EVENT_STREAM, event_ids)
        draft.then(lambda: self.records.forget_annotations(notes))


def _edited(edit: Callable[[S, Mapping[str, Any]], S], stream: S, changes: Mapping[str, Any]) -> S:
    if not isinstance(changes, dict):
        raise InvalidRequestError("error: [stream] attribute must be JSON")
    try:
        return edit(stream, changes)
    except ConfigurationError as error:
        raise _invalid(error) from error


def _invalid(error: ConfigurationError) -> InvalidRequestError:
    return InvalidRequestError(f"Invalid stream specification: {error}")


def _take_attributes(stream: Stream, edited: Stream) -> None:
    """Give a stream the attributes of its edited copy, not the flags that others set meanwhile."""
    for name, value in vars(edited).items():
        if name not in ("is_configured", "is_source", "is_destination"):
            setattr(stream, name, value)
