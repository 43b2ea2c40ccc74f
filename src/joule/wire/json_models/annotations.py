"""JSON of annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.annotations import Annotation
from joule.wire.json_models import values as check

if TYPE_CHECKING:
    from joule.wire.json_models.values import JsonObject


def annotation_to_json(annotation: Annotation) -> JsonObject:
    """JSON of an annotation; ``end`` is null for a moment."""
    return {
        "id": annotation.id if annotation.is_saved else None,
        "title": annotation.title,
        "content": annotation.content,
        "start": annotation.start,
        "stream_id": annotation.stream_id,
        "end": annotation.end,
    }


def annotation_from_json(json: object) -> Annotation:
    """Make an annotation."""
    item = check.as_object(json, "annotation")
    annotation = Annotation(
        title=check.as_text(item["title"], "title"),
        start=check.as_integer(item["start"], "start"),
        end=check.as_optional_integer(item["end"], "end"),
        content=check.as_optional_text(item["content"], "content"),
        stream_id=check.as_optional_integer(item["stream_id"], "stream_id"),
    )
    annotation.id = check.as_optional_integer(item["id"], "id")
    return annotation
