"""What an argument names: every noun may be given as an object, a path or name, or an id."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias

from joule.errors import (
    ApiError,
    InvalidDataStreamParameter,
    InvalidEventStreamParameter,
    InvalidRequestError,
)
from joule.models.annotations import Annotation
from joule.models.events import EventStream
from joule.models.folders import Folder
from joule.models.modules import Module
from joule.models.proxies import Proxy
from joule.models.streams import DataStream

if TYPE_CHECKING:
    from joule.models.base import Saved

FolderSpec: TypeAlias = Folder | str | int
DataStreamSpec: TypeAlias = DataStream | str | int
EventStreamSpec: TypeAlias = EventStream | str | int
ModuleSpec: TypeAlias = Module | str | int
ProxySpec: TypeAlias = Proxy | str | int

Params: TypeAlias = dict[str, Any]


def folder(spec: FolderSpec, prefix: str = "", role: str = "folder") -> Params:
    """Give the parameters that name a folder: ``<prefix>path`` or ``<prefix>id``."""
    fault = InvalidRequestError(f"Invalid {role} datatype. Must be Folder, Path, or ID")
    return _parameters(spec, Folder, "path", fault, prefix)


def data_stream(spec: DataStreamSpec, prefix: str = "", role: str = "stream") -> Params:
    """Give the parameters that name a data stream."""
    fault = InvalidDataStreamParameter(f"Invalid {role} datatype. Must be DataStream, Path, or ID")
    return _parameters(spec, DataStream, "path", fault, prefix)


def event_stream(spec: EventStreamSpec, prefix: str = "", role: str = "stream") -> Params:
    """Give the parameters that name an event stream."""
    fault = InvalidEventStreamParameter(
        f"Invalid {role} datatype. Must be EventStream, Path, or ID"
    )
    return _parameters(spec, EventStream, "path", fault, prefix)


def module(spec: ModuleSpec) -> Params:
    """Give the parameters that name a module."""
    fault = InvalidRequestError("Invalid module datatype. Must be Module, Name, or ID")
    return _parameters(spec, Module, "name", fault)


def proxy(spec: ProxySpec) -> Params:
    """Give the parameters that name a proxy."""
    fault = InvalidRequestError("Invalid proxy datatype. Must be Proxy, Name, or ID")
    return _parameters(spec, Proxy, "name", fault)


def annotation(spec: Annotation | int) -> Params:
    """Give the parameter that names an annotation."""
    fault = InvalidRequestError("Invalid annotation datatype. Must be Annotation or ID")
    if isinstance(spec, str):
        raise fault
    return _parameters(spec, Annotation, "", fault)


def _parameters(
    spec: object, kind: type[Saved], text_key: str, fault: ApiError, prefix: str = ""
) -> Params:
    if isinstance(spec, kind):
        return {f"{prefix}id": spec.id}
    if isinstance(spec, str):
        return {f"{prefix}{text_key}": spec}
    if isinstance(spec, Integral) and not isinstance(spec, bool):
        return {f"{prefix}id": int(spec)}
    raise fault


def instance(value: object, kind: type[Any], what: str) -> None:
    """Raise ``InvalidRequestError`` unless ``value`` is an object of the API of this kind."""
    if not isinstance(value, kind):
        raise InvalidRequestError(f"Invalid {what} datatype. Must be {kind.__name__}")


def bounds(start: float | None, end: float | None) -> Params:
    """Give the parameters of a range ``[start, end)`` in UNIX us; fractions are dropped."""
    limits = {"start": start, "end": end}
    return {name: _microseconds(time, name) for name, time in limits.items() if time is not None}


def _microseconds(time: float, name: str) -> int:
    try:
        return int(time)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequestError(f"[{name}] must be a timestamp in UNIX microseconds") from error
