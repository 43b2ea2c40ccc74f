"""Annotations of data streams, and the rules for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from joule.errors import InvalidRequestError, NotFoundError
from joule.models.annotations import Annotation, AnnotationInfo
from joule.storage.interfaces import AnnotationRecord, Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from joule.models.intervals import Interval
    from joule.models.streams import DataStream
    from joule.node.catalog import Catalog


class Annotations:
    """Notes on data streams. A span has its end in it: ``start <= time <= end``, UNIX us."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._records = catalog.records

    def select(self, stream_ids: Collection[int], span: Interval) -> list[Annotation]:
        """Give the annotations of streams that start in ``span``, by stream and start."""
        records = [
            record
            for record in self._records.annotations.values()
            if record.stream_id in stream_ids and span.start <= record.start <= span.end
        ]
        return [_annotation(r) for r in sorted(records, key=lambda r: (r.stream_id, r.start, r.id))]

    def info(self, stream: DataStream) -> AnnotationInfo:
        """Give how many annotations a stream has, and the first and last of their start times."""
        notes = self._records.annotations.values()
        starts = [note.start for note in notes if note.stream_id == stream.id]
        return AnnotationInfo(min(starts, default=None), max(starts, default=None), len(starts))

    async def create(self, stream: DataStream, note: Annotation) -> Annotation:
        """Add an annotation like ``note`` (which is not kept) to a stream.

        ``StreamNotFound`` when the stream is deleted before its turn comes.
        """
        if not note.title:
            raise InvalidRequestError("title is reqiured")  # sic, documented
        if note.end is not None and note.start >= note.end:
            raise InvalidRequestError("[start] must be before [end]")
        async with self._records.turn:
            self._catalog.folder_of(stream)
            id_ = await self._records.new_id(Kind.ANNOTATION)
            record = AnnotationRecord(
                id_, stream.id, note.title, note.content, note.start, note.end
            )
            await self._records.change(put=[record])
        return _annotation(record)

    async def update(self, annotation_id: int, changes: Mapping[str, Any]) -> Annotation:
        """Apply the JSON attributes title and content; others are ignored."""
        async with self._records.turn:
            record = _edited(self._find(annotation_id), changes)
            await self._records.change(put=[record])
        return _annotation(record)

    async def delete(self, annotation_id: int) -> None:
        """Delete one annotation; ``NotFoundError`` when there is none."""
        async with self._records.turn:
            record = self._find(annotation_id)
            await self._records.change(delete=[(Kind.ANNOTATION, record.id)])

    async def delete_all(self, stream: DataStream, span: Interval) -> None:
        """Delete the annotations of a stream that start in ``span``."""
        async with self._records.turn:
            doomed = [(Kind.ANNOTATION, note.id) for note in self.select({stream.id}, span)]
            await self._records.change(delete=doomed)

    def _find(self, annotation_id: int) -> AnnotationRecord:
        record = self._records.annotations.get(annotation_id)
        if record is None:
            raise NotFoundError("annotation does not exist")
        return record


def _edited(record: AnnotationRecord, changes: Mapping[str, Any]) -> AnnotationRecord:
    title = changes.get("title", record.title)
    if not title:
        raise InvalidRequestError("annotation title is reqiured")  # sic, documented
    content = changes.get("content", record.content)
    if not isinstance(title, str) or not isinstance(content, str | None):
        raise InvalidRequestError("invalid values for annotation")
    return replace(record, title=title, content=content)


def _annotation(record: AnnotationRecord) -> Annotation:
    annotation = Annotation(
        record.title, record.start, record.end, record.content, stream_id=record.stream_id
    )
    annotation.id = record.id
    return annotation
