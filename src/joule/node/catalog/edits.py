"""Attributes from a request applied to a copy of a folder or stream: pure, all or nothing."""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any

from joule.errors import ConfigurationError
from joule.models.base import name_fault
from joule.models.events import EventStream
from joule.models.streams import DataStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.models.streams import Element, StreamKind

_CHECKED_LATER = {
    DataStream: {"keep_us"},
    EventStream: {"keep_us", "event_fields", "chunk_duration_us"},
}
"""Attributes that are taken as they are: the stream's own ``check`` judges them."""

_NUMBERS = ("offset", "scale_factor")
_LIMITS = ("default_max", "default_min")


def checked_name(name: object) -> str:
    """Give the name of a folder or stream; ``ConfigurationError`` with the broken rule."""
    fault = name_fault(name)
    if fault is not None:
        raise ConfigurationError(fault)
    assert isinstance(name, str)
    return name


def checked_description(description: object) -> str | None:
    """Give a description, which may be missing; ``ConfigurationError`` when it is no text."""
    if description is not None and not isinstance(description, str):
        raise ConfigurationError("invalid description, must be text")
    return description


def edited_stream(stream: StreamKind, changes: Mapping[str, Any]) -> StreamKind:
    """Give a copy with those attributes as in ``changes`` that can be changed.

    Other attributes are ignored. ``ConfigurationError`` with the broken rule.
    """
    edited = copy(stream)
    if "name" in changes:
        edited.name = checked_name(changes["name"])
    if "description" in changes:
        edited.description = checked_description(changes["description"])
    for name in changes.keys() & _CHECKED_LATER[type(stream)]:
        setattr(edited, name, changes[name])
    if isinstance(edited, DataStream):
        _edit_data_stream(edited, changes)
    edited.check()
    return edited


def _edit_data_stream(edited: DataStream, changes: Mapping[str, Any]) -> None:
    if "decimate" in changes:
        if not isinstance(changes["decimate"], bool):
            raise ConfigurationError("invalid decimate, must be true or false")
        edited.decimate = changes["decimate"]
    if "elements" in changes:
        edited.elements = _edited_elements(edited.elements, changes["elements"])


def _edited_elements(elements: list[Element], changes: object) -> list[Element]:
    if not isinstance(changes, list) or len(changes) != len(elements):
        raise ConfigurationError("incorrect number of elements")
    return [_edited_element(*pair) for pair in zip(elements, changes, strict=True)]


def _edited_element(element: Element, changes: object) -> Element:
    if not isinstance(changes, dict):
        raise ConfigurationError("Invalid element configuration: must be an object")
    edited = copy(element)
    for name in changes.keys() & {"name", "units", "plottable"}:
        setattr(edited, name, changes[name])
    if "display_type" in changes:
        edited.display_type = str(changes["display_type"]).lower()
    for name in changes.keys() & {*_NUMBERS, *_LIMITS}:
        setattr(edited, name, _number(name, changes[name]))
    _check_types(edited)
    return edited


def _number(name: str, value: object) -> float | None:
    if value is None and name in _LIMITS:
        return None
    try:
        # A truth value is none of the numbers that Python takes it for.
        number = float("" if isinstance(value, bool) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"Invalid element configuration: [{name}] must be a number"
        ) from error
    if not math.isfinite(number):
        raise ConfigurationError(f"Invalid element configuration: [{name}] must be finite")
    return number


def _check_types(element: Element) -> None:
    if element.units is not None and not isinstance(element.units, str):
        raise ConfigurationError("Invalid element configuration: [units] must be text")
    if element.plottable is not None and not isinstance(element.plottable, bool):
        raise ConfigurationError("Invalid element configuration: [plottable] must be true or false")
