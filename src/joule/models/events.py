"""Event streams and events."""

from __future__ import annotations

import json
import re
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import TYPE_CHECKING, Any

from joule.errors import ApiError, ConfigurationError
from joule.models.base import KEEP_ALL, Saved, name_fault

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import datetime

_FIELD_FAULT = "invalid value in event_fields, must be [numeric|string|category:cat1,cat2,...]"
_CATEGORY_FAULT = (
    "invalid value in event_fields, category type must a have JSON list of categories after a ':'"
)

_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 28 * 24, "y": 365 * 24}


def check_event_fields(fields: object) -> dict[str, str]:
    """Return ``fields`` if it maps names to field types, else raise ``ConfigurationError``.

    A type is ``string``, ``numeric`` or ``category:`` followed by a JSON list of at least one
    string.
    """
    if not isinstance(fields, dict):
        raise ConfigurationError(
            f"event_fields must be a dictionary, not a {type(fields).__name__}"
        )
    for kind in fields.values():
        if not isinstance(kind, str):
            raise ConfigurationError(_FIELD_FAULT)
        base, colon, labels = kind.partition(":")
        if base == "category":
            _check_categories(labels)
        elif colon or base not in ("string", "numeric"):
            raise ConfigurationError(_FIELD_FAULT)
    return fields


def _check_categories(labels: str) -> None:
    try:
        values = json.loads(labels)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(_CATEGORY_FAULT) from error
    if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
        raise ConfigurationError(_CATEGORY_FAULT)


def parse_chunk_duration(duration: str | int) -> int:
    """Read a duration in us: a number of us, or a number and ``h``, ``d``, ``w``, ``m`` or ``y``.

    ``m`` is four weeks and ``y`` 365 days; the empty text is 0. Raises ``ApiError`` otherwise.
    """
    text = str(duration).strip()
    if not text:
        return 0
    match = re.fullmatch(r"(\d+)([hdwmy]?)", text)
    if match is None:
        raise ApiError("invalid duration use format #unit (eg 1w)")
    hours = _HOURS.get(match[2])
    return int(match[1]) if hours is None else int(match[1]) * hours * 3_600_000_000


@dataclass(eq=False, repr=False)
class EventStream(Saved):
    """A stream of events; ``event_fields`` describes their content, it does not restrict it.

    ``keep_us`` is -1 to keep everything, else microseconds of history. ``chunk_duration`` is the
    text form of ``chunk_duration_us``, see :func:`parse_chunk_duration`.
    """

    name: str = ""
    description: str | None = ""
    chunk_duration: InitVar[str | int] = ""
    chunk_duration_us: int = None  # type: ignore[assignment]  # 0 unless either is given
    keep_us: int = KEEP_ALL
    event_fields: dict[str, str] = field(default_factory=dict)
    _: KW_ONLY
    is_configured: bool = False
    updated_at: datetime | None = None

    def __post_init__(self, chunk_duration: str | int) -> None:
        if chunk_duration != "" and self.chunk_duration_us is not None:
            raise ApiError("specify either chunk_duration or chunk_duration_us, not both")
        if self.chunk_duration_us is None:
            self.chunk_duration_us = parse_chunk_duration(chunk_duration)
        self.event_fields = {} if self.event_fields is None else self.event_fields

    def __repr__(self) -> str:
        return (
            f"<joule.api.EventStream id={self._id} name={self.name!r} "
            f"description={self.description!r}>"
        )

    @property
    def locked(self) -> bool:
        """Whether it may not be changed, moved or deleted: configured by a file."""
        return self.is_configured

    def check(self) -> None:
        """Raise ``ConfigurationError`` with the broken rule unless the stream can be stored."""
        fault = name_fault(self.name)
        if fault is not None:
            raise ConfigurationError(fault)
        check_event_fields(self.event_fields)
        if not _is_int(self.chunk_duration_us):
            raise ConfigurationError("invalid chunk_duration_us, must be an integer")
        if self.chunk_duration_us < 0:
            raise ConfigurationError("invalid chunk_duration_us, must be > 0")
        if not _is_int(self.keep_us):
            raise ConfigurationError("invalid keep_us, must be an integer")
        if self.keep_us < -1:
            raise ConfigurationError("invalid keep_us, must be -1 (KEEP_ALL) or >= 0")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


@dataclass(frozen=True, slots=True, repr=False)
class EventStreamInfo:
    """What is stored of an event stream: first start and last end in UNIX us, None when empty."""

    start: int | None = None
    end: int | None = None
    event_count: int = 0
    bytes: int = 0
    total_time: int = 0

    def __repr__(self) -> str:
        return (
            f"<joule.api.EventStreamInfo start={self.start} end={self.end} "
            f"events={self.event_count}, total_time={self.total_time}>"
        )


@dataclass(init=False, repr=False)
class Event(Saved):
    """Something that happened from ``start_time`` to ``end_time`` (UNIX us, exclusive).

    ``end_time`` None is an event that has not ended. Two events are equal when times and content
    are, whatever their ids.
    """

    start_time: int
    end_time: int | None
    content: dict[str, Any]
    event_stream_id: int | None = field(compare=False)
    node_uuid: str | None = field(compare=False)

    def __init__(
        self,
        start_time: float,
        end_time: float | None = None,
        content: dict[str, Any] | None = None,
        id: int | None = None,
        event_stream_id: int | None = None,
        node_uuid: str | None = None,
    ) -> None:
        self.start_time = int(start_time)
        self.end_time = None if end_time is None else int(end_time)
        self.content = {} if content is None else content
        self.event_stream_id = event_stream_id
        self.node_uuid = node_uuid
        self._id = id

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"<joule.api.Event start_time={self.start_time} end_time={self.end_time} "
            f"content={self.content}>"
        )


def identity(event: Event) -> Hashable:
    """Give what two events share if they are equal, and only then: to look many up by it."""
    parts: list[Hashable] = []
    # A stack of its own: contents may be nested deeper than calls.
    waiting: list[tuple[tuple[Hashable, ...], Any]] = [((), event.content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
            parts.append((path, dict))
        elif isinstance(value, list | tuple):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
            parts.append((path, list))
        else:
            parts.append((path, value))
    return event.start_time, event.end_time, frozenset(parts)
