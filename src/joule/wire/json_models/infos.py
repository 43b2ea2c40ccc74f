"""JSON of what is stored of a stream: bounds in UNIX us and counts."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from joule.models.annotations import AnnotationInfo
from joule.models.events import EventStreamInfo
from joule.models.streams import DataStreamInfo
from joule.wire.json_models import values as check

if TYPE_CHECKING:
    from joule.wire.json_models.values import JsonObject

Info = TypeVar("Info", DataStreamInfo, EventStreamInfo, AnnotationInfo)

_BOUNDS = ("start", "end")


def info_to_json(info: Info) -> JsonObject:
    """JSON of what is stored of a stream; the bounds of nothing are null."""
    return {field.name: getattr(info, field.name) for field in fields(info)}


def info_from_json(kind: type[Info], json: object) -> Info:
    """Make what is stored of a stream; null stands for nothing."""
    if json is None:
        return kind()
    item = check.as_object(json, "info")
    values: dict[str, Any] = {f.name: _value(item[f.name], f.name) for f in fields(kind)}
    return kind(**values)


def _value(value: object, name: str) -> int | None:
    if name in _BOUNDS:
        return check.as_optional_integer(value, name)
    return check.as_integer(value, name)
