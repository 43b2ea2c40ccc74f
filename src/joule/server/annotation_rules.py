"""The rules for annotations. This knows the records of the node but no HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from joule.errors import InvalidRequestError, NotFoundError
from joule.models.annotations import Annotation, AnnotationInfo
from joule.storage.interfaces import AnnotationRecord, Kind
from joule.wire.json_models import values as check

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from joule.models.intervals import Interval
    from joule.node import LocalNode

NOT_FOUND = "annotation does not exist"


def select(node: LocalNode, stream_ids: Collection[int], span: Interval) -> list[Annotation]:
    """Give the annotations of streams that start in ``span``, both ends included, by start."""
    records = [
        record
        for record in node.catalog.annotations()
        if record.stream_id in stream_ids and span.start <= record.start <= span.end
    ]
    return [_annotation(r) for r in sorted(records, key=lambda r: (r.stream_id, r.start, r.id))]


def info_of(node: LocalNode, stream_id: int) -> AnnotationInfo:
    """Give how many annotations a stream has, and the first and last of their start times."""
    starts = [r.start for r in node.catalog.annotations() if r.stream_id == stream_id]
    return AnnotationInfo(min(starts, default=None), max(starts, default=None), len(starts))


async def create(node: LocalNode, stream_id: int, values: Mapping[str, Any]) -> Annotation:
    """Make an annotation of what a client sent."""
    start, end, content = _checked(values)
    title = values.get("title")
    if not title:
        raise InvalidRequestError("title is reqiured")
    if end is not None and start >= end:
        raise InvalidRequestError("[start] must be before [end]")
    annotation_id = await node.catalog.records.new_id(Kind.ANNOTATION)
    record = AnnotationRecord(annotation_id, stream_id, title, content, start, end)
    await node.catalog.records.change(put=[record])
    return _annotation(record)


async def update(node: LocalNode, annotation_id: int, values: Mapping[str, Any]) -> Annotation:
    """Change title and content; the times stay."""
    record = _find(node, annotation_id)
    title = values.get("title", record.title)
    if not title:
        raise InvalidRequestError("annotation title is reqiured")
    content = values.get("content", record.content)
    if not _is_text(title) or not _is_text(content):
        raise InvalidRequestError("invalid values for annotation")
    record = replace(record, title=title, content=content)
    await node.catalog.records.change(put=[record])
    return _annotation(record)


async def delete(node: LocalNode, annotation_id: int) -> None:
    """Delete one annotation."""
    record = _find(node, annotation_id)
    await node.catalog.records.change(delete=[(Kind.ANNOTATION, record.id)])


async def delete_all(node: LocalNode, stream_id: int, span: Interval) -> None:
    """Delete the annotations of a stream that start in ``span``, both ends included."""
    doomed = [(Kind.ANNOTATION, note.id) for note in select(node, {stream_id}, span)]
    await node.catalog.records.change(delete=doomed)


def _checked(values: Mapping[str, Any]) -> tuple[int, int | None, str | None]:
    fault = "invalid values for annotation"
    try:
        start = _time(values["start"])
        end = None if values.get("end") is None else _time(values["end"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequestError(fault) from error
    content = values.get("content")
    if not _is_text(content) or not _is_text(values.get("title")):
        raise InvalidRequestError(fault)
    return start, end, content


def _time(value: object) -> int:
    """Read a time in UNIX us; a fraction, as browsers make them, is dropped."""
    if isinstance(value, float):
        value = check.as_number(value, "time") // 1
    return check.as_integer(value, "time")


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _find(node: LocalNode, annotation_id: int) -> AnnotationRecord:
    record = node.catalog.records.annotations.get(annotation_id)
    if record is None:
        raise NotFoundError(NOT_FOUND)
    return record


def _annotation(record: AnnotationRecord) -> Annotation:
    annotation = Annotation(
        record.title, record.start, record.end, record.content, stream_id=record.stream_id
    )
    annotation.id = record.id
    return annotation
