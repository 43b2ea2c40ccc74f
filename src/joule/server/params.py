"""Reading of query parameters and JSON bodies.

Every text here is part of the protocol. Nothing that a client sends may end in anything but a
value or an :exc:`joule.errors.InvalidRequestError`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from joule.errors import DataError, InvalidRequestError
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval, bounded
from joule.wire.json_text import decoded_strictly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from joule.wire.json_models.values import JsonObject

NO_SPEC = "specify an id or a path"
NO_DESTINATION = "specify a destination"

_T = TypeVar("_T")
_LEVEL_MAX = 4**31  # fits into an int64
_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")


# --------------------------------------------------------------------------- query


def query_integer(request: web.Request, name: str) -> int | None:
    """Give a decimal integer of the query, None when it is absent."""
    text = request.query.get(name)
    return None if text is None else parse_integer(text, name)


def parse_integer(text: str, name: str) -> int:
    """Read a decimal integer, the value of parameter ``name``."""
    if not _INTEGER.fullmatch(text):
        raise InvalidRequestError(f"parameter {name} must be an int")
    return int(text)


def query_positive(request: web.Request, name: str) -> int | None:
    """Give an integer of the query above 0, None when it is absent."""
    value = query_integer(request, name)
    if value is not None and value <= 0:
        raise InvalidRequestError(f"[{name}] must be > 0")
    return value


def query_bound(request: web.Request, name: str) -> int | None:
    """Give a time of the query in UNIX us, moved into the range that a timestamp can have."""
    value = query_integer(request, name)
    return None if value is None else min(max(value, MIN_TIME), MAX_TIME)


def query_interval(request: web.Request) -> Interval:
    """Give ``[start, end)`` of the query; an absent bound is open."""
    start, end = query_bound(request, "start"), query_bound(request, "end")
    if start is not None and end is not None and start >= end:
        raise DataError("[start] must be before [end]")
    return bounded(start, end)


def query_duration(request: web.Request, name: str, fault: str) -> int | None:
    """Give a duration of the query in us; a longer one than all of time is all of time."""
    try:
        value = query_integer(request, name)
    except InvalidRequestError as error:
        raise InvalidRequestError(fault) from error
    return None if value is None else min(value, MAX_TIME)


class Resolution(TypedDict):
    """How many rows to give at most, or which decimation level; None where nothing is asked."""

    max_rows: int | None
    level: int | None


def query_reading(request: web.Request) -> tuple[Interval, Resolution]:
    """Give the range to read and the resolution to read it at."""
    interval = query_interval(request)
    level = query_positive(request, "decimation-level")
    if level is not None and level > _LEVEL_MAX:
        raise InvalidRequestError("[decimation-level] is too large")
    return interval, Resolution(max_rows=query_positive(request, "max-rows"), level=level)


def query_spec(
    request: web.Request, *, text: str = "path", number: str = "id", fault: str = NO_SPEC
) -> str | int:
    """Give what the query selects by path (or name) or by id; the text wins."""
    path = request.query.get(text)
    if path:
        return path
    value = query_integer(request, number)
    if value is None:
        raise InvalidRequestError(fault)
    return value


# --------------------------------------------------------------------------- body


async def json_body(request: web.Request) -> JsonObject:
    """Give the JSON object in the body."""
    return json_object(await json_text(request))


async def json_text(request: web.Request) -> bytes:
    """Give the body, which calls itself JSON."""
    if request.content_type != "application/json":
        raise InvalidRequestError("content-type must be application/json")
    return await request.read()


def json_object(text: bytes) -> JsonObject:
    """Give the JSON object that a body is; ``InvalidRequestError`` when it is none."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise InvalidRequestError("the request must be a JSON object")
    return value


def parse_json(raw: bytes) -> Any:
    """Give the value of a JSON text; ``InvalidRequestError`` when it is none."""
    try:
        return decoded_strictly(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("invalid json") from error


def body_id(body: Mapping[str, Any], fault: str = "Invalid request: specify id") -> int:
    """Give the id in the body."""
    value = _as_id(body.get("id"))
    if value is None:
        raise InvalidRequestError(fault)
    return value


def body_spec(
    body: Mapping[str, Any], *, text: str = "path", number: str = "id", fault: str = NO_SPEC
) -> str | int:
    """Give what the body selects by path or id; the path wins."""
    path = body.get(text)
    if isinstance(path, str):
        return path
    value = _as_id(body.get(number))
    if path is not None or value is None:
        raise InvalidRequestError(fault)
    return value


def body_source(body: Mapping[str, Any], fault: str = NO_SPEC) -> str | int:
    """Give what the body wants moved."""
    return body_spec(body, text="src_path", number="src_id", fault=fault)


def body_destination(body: Mapping[str, Any]) -> str | int:
    """Give the folder where the body wants it."""
    return body_spec(body, text="dest_path", number="dest_id", fault=NO_DESTINATION)


def body_changes(body: Mapping[str, Any], noun: str) -> JsonObject:
    """Give the attributes to change, under the name of the thing."""
    changes = body.get(noun)
    if changes is None:
        raise InvalidRequestError(f"Invalid request: specify {noun} as JSON")
    if not isinstance(changes, dict):
        raise InvalidRequestError(f"error: [{noun}] attribute must be JSON")
    return changes


def body_new(body: Mapping[str, Any], decode: Callable[[object], _T]) -> _T:
    """Give the new stream that the body describes completely."""
    if "stream" not in body:
        raise InvalidRequestError("provide a stream")
    try:
        return decode(body["stream"])
    except KeyError as error:
        raise InvalidRequestError(f"Invalid or missing stream attribute: {error}") from error
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"Invalid stream JSON: {error}") from error


def _as_id(value: object) -> int | None:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None
