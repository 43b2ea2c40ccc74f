"""Events and queries for the suite of event stores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from joule.models.events import Event
from joule.models.filters import EventFilter
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.interfaces import EventQuery

if TYPE_CHECKING:
    from collections.abc import Sequence


ALL = EventQuery(ALL_TIME)


def query(start: int, end: int, **options: Any) -> EventQuery:
    """Give a query for ``[start, end)``."""
    return EventQuery(Interval(start, end), **options)


def where(*groups: object) -> EventFilter:
    """Give a filter made of these groups."""
    return EventFilter.parse(json.dumps(groups))


def numbered(count: int, *, step: int = 10, length: int = 5) -> list[Event]:
    """Give events that begin every ``step`` us and carry their number."""
    return [Event(i * step, i * step + length, {"n": i, "odd": i % 2 == 1}) for i in range(count)]


def numbers(events: Sequence[Event]) -> list[int]:
    """Give the numbers that events carry."""
    return [event.content["n"] for event in events]


def saved(start: int, end: int | None, content: dict[str, Any], id_: int) -> Event:
    """Give an event that brings an id along."""
    event = Event(start, end, content)
    event.id = id_
    return event
