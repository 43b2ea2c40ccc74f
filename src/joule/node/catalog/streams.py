"""Creating, changing, moving and deleting streams; data streams and event streams alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.errors import ConfigurationError, ConflictError, InvalidRequestError, LockedError
from joule.models.events import EventStream
from joule.models.streams import DataStream
from joule.node.catalog.core import CatalogCore
from joule.node.catalog.edits import edited_stream
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.models.folders import Folder
    from joule.models.streams import Stream, StreamKind
    from joule.node.catalog.draft import Draft

NAME_TAKEN = "stream with the same name exists in the folder"


class StreamChanges(CatalogCore):
    """The part of the catalog that changes streams."""

    async def create_stream(self, stream: StreamKind, destination: str | int) -> StreamKind:
        """Create a stream like ``stream`` (which is not kept), and the folders it needs."""
        async with self._change() as draft:
            try:
                stream.check()
            except ConfigurationError as error:
                raise _invalid(error) from error
            place = self._place(destination)
            if not place.missing:
                self._check_name_free(place.folder, stream.name)
            return await self._add_stream(stream, place, draft)

    async def update_stream(
        self, kind: type[StreamKind], stream_id: int, changes: Mapping[str, Any]
    ) -> StreamKind:
        """Apply JSON attributes; those that cannot be changed are ignored.

        Both kinds have name, description and keep_us; data streams also decimate and elements,
        event streams event_fields and chunk_duration_us.
        """
        async with self._change() as draft:
            stream = self._unlocked(kind, stream_id)
            edited = _edited(stream, changes)
            self._check_name_free(self._tree.home(stream), edited.name, but=stream)
            self._replace(stream, edited, draft)
        return stream

    async def move_stream(
        self, kind: type[StreamKind], source: str | int, destination: str | int
    ) -> StreamKind:
        """Put a stream into another folder; what is stored follows it."""
        async with self._change() as draft:
            stream = self._unlocked(kind, source)
            place = self._place(destination)
            if not place.missing and self._tree.stream_named(place.folder, stream.name):
                raise ConflictError("stream with the same name exists in the destination folder")
            draft.touch(self._tree.home(stream))
            folder = await self._make_folders(place, draft)
            draft.put_stream(stream, folder)
            draft.stamp(stream)
            draft.then(lambda: self._tree.take_stream(stream))
            draft.then(lambda: self._tree.add_stream(stream, folder))
        return stream

    async def delete_stream(self, kind: type[StreamKind], spec: str | int) -> None:
        """Delete a stream with its rows and annotations, or its events."""
        async with self._change() as draft:
            stream = self._unlocked(kind, spec)
            data_ids = [stream.id] if kind is DataStream else []
            event_ids = [stream.id] if kind is EventStream else []
            draft.touch(self._tree.home(stream))
            self._delete_records(data_ids, event_ids, draft)
            draft.then(lambda: self._tree.take_stream(stream))
        await self._drop(data_ids, event_ids)

    # ------------------------------------------------------------------ inside

    def _unlocked(self, kind: type[StreamKind], spec: str | int) -> StreamKind:
        stream = self._tree.stream(kind, spec)
        if stream.locked:
            raise LockedError("stream is locked")
        return stream

    def _check_name_free(self, folder: Folder, name: str, but: Stream | None = None) -> None:
        taken = self._tree.stream_named(folder, name)
        if taken is not None and taken is not but:
            raise ConflictError(f"Invalid stream specification: {NAME_TAKEN}")

    def _replace(self, stream: StreamKind, edited: StreamKind, draft: Draft) -> None:
        """Store ``edited`` and give ``stream`` its attributes."""
        draft.put_stream(edited, self._tree.home(stream))
        draft.then(lambda: self._tree.rename_stream(stream, edited.name))
        draft.then(lambda: _take_attributes(stream, edited))
        draft.stamp(stream)

    def _delete_records(self, data_ids: list[int], event_ids: list[int], draft: Draft) -> None:
        """Delete streams and what hangs on them from the store."""
        notes = self.records.annotation_ids(data_ids)
        draft.delete(Kind.ANNOTATION, notes)
        draft.delete(Kind.DATA_STREAM, data_ids)
        draft.delete(Kind.EVENT_STREAM, event_ids)
        draft.then(lambda: self.records.forget_annotations(notes))


def _edited(stream: StreamKind, changes: Mapping[str, Any]) -> StreamKind:
    if not isinstance(changes, dict):
        raise InvalidRequestError("error: [stream] attribute must be JSON")
    try:
        return edited_stream(stream, changes)
    except ConfigurationError as error:
        raise _invalid(error) from error


def _invalid(error: ConfigurationError) -> InvalidRequestError:
    return InvalidRequestError(f"Invalid stream specification: {error}")


def _take_attributes(stream: Stream, edited: Stream) -> None:
    """Give a stream the attributes of its edited copy, not the flags that others set meanwhile."""
    for name, value in vars(edited).items():
        if name not in ("is_configured", "is_source", "is_destination"):
            setattr(stream, name, value)
