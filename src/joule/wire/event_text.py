"""Many events as JSON text, in a fraction of the time that one after another takes.

What is read or written here has the usual form and gives exactly what ``json_models`` and the
standard library give. Everything else, and all that is short, gives None: they decide then, also
on what is wrong with it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from joule.models.events import Event
from joule.wire.json_text import LONG_BYTES, decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from joule.wire.event_forms import EventForm, FoundEvent

LONG_EVENTS = 100
"""Fewer events than that are written by the standard library."""


class SentEvents(NamedTuple):
    """A request to write events: what names the stream, and the events."""

    spec: dict[str, Any]
    events: list[Event]


def sent_events(text: bytes) -> SentEvents | None:
    """Read the body of a request to write events."""
    form = _read("sent", text)
    if form is None:
        return None
    return SentEvents({"path": form.path, "id": form.id}, events_of(form.events))


def found_events(text: bytes) -> list[FoundEvent] | None:
    """Read the answer to who asked for events; :func:`events_of` makes events of them."""
    form = _read("found", text)
    return None if form is None else list(form.events)


def events_of(
    found: Iterable[Event | EventForm | FoundEvent], node_uuid: str | None = None
) -> list[Event]:
    """Make events of what was read, as those of the node with this id."""
    return [
        Event(e.start_time, e.end_time, e.content, e.id, e.event_stream_id, node_uuid)
        for e in found
    ]


def found_text(stream_id: int, rows: Sequence[tuple[int, int, int | None, str]]) -> bytes:
    """Write the answer to who asked for events.

    Each is given as start time, id, end time, and its content, which is JSON text already.
    """
    events = ",".join(
        [
            f'{{"id":{id_},"event_stream_id":{stream_id},"start_time":{start},'
            f'"end_time":{"null" if end is None else end},"content":{content}}}'
            for start, id_, end, content in rows
        ]
    )
    return f'{{"count":{len(rows)},"events":[{events}],"type":"events"}}'.encode()


class StoredEvents(NamedTuple):
    """The answer to events that were written: ids of event and stream in order, and the node."""

    ids: list[tuple[int, int]]
    node_uuid: str | None


def stored_events(text: bytes) -> StoredEvents | None:
    """Read the answer to events that were written."""
    form = _read("stored", text)
    if form is None:
        return None
    return StoredEvents([(item.id, item.event_stream_id) for item in form.events], form.node_uuid)


def events_text(items: Sequence[dict[str, Any]]) -> bytes | None:
    """Write the JSON objects of events.

    msgspec writes more than the standard library does (a time as text, NaN as null), so its text
    counts only if it reads as what was written.
    """
    if len(items) < LONG_EVENTS:
        return None
    try:
        text = encoded(items)
        return text if decoded(text) == items else None
    except (ValueError, TypeError, RecursionError):
        return None


def _read(form: str, text: bytes) -> Any:
    if len(text) < LONG_BYTES:
        return None
    try:
        return getattr(_forms(), form)(text)
    except (ValueError, RecursionError):  # msgspec's own is a ValueError
        return None


@cache
def _forms() -> ModuleType:
    from joule.wire import event_forms  # loads msgspec, which few processes need

    return event_forms
