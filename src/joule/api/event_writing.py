"""Events that are sent to a node, in requests of a size that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.api import targets
from joule.api.answers import listed, member
from joule.api.bodies import encoded, value_of
from joule.models.events import Event
from joule.wire.event_text import StoredEvents, events_text, stored_events
from joule.wire.json_models import event_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from joule.api.session import Session
    from joule.api.targets import Params

BATCH_EVENTS = 4_000
BATCH_BYTES = 1_000_000
"""A node refuses JSON above 1 MiB."""


async def write_events(session: Session, target: Params, events: Sequence[Event]) -> None:
    """Store ``events`` in the stream that ``target`` names and mark them as stored there."""
    for event in events:
        targets.instance(event, Event, "event")
    if not events:
        return
    # Where events come from matters only for those that come from somewhere.
    is_known = any(event.node_uuid is not None for event in events)
    uuid = await _node_uuid(session) if is_known else None
    head = encoded(target)[:-1]
    for first in range(0, len(events), BATCH_EVENTS):
        for batch, text in _batches(events[first : first + BATCH_EVENTS], uuid):
            body = b'%s,"events":%s}' % (head, text)
            answer = _stored(await session.text("POST", Route.EVENT_DATA, body=body))
            uuid = uuid or answer.node_uuid or await _node_uuid(session)
            _mark_stored(batch, answer.ids, uuid)


async def _node_uuid(session: Session) -> str:
    return str(member("uuid", await session.get(Route.VERSION_JSON)))


def _batches(events: Sequence[Event], uuid: str | None) -> Iterator[tuple[Sequence[Event], bytes]]:
    """Give the events with their JSON, in halves as long as that is too long for one request."""
    items = [_sendable(event, uuid) for event in events]
    text = events_text(items) or encoded(items)
    if len(text) <= BATCH_BYTES or len(events) == 1:
        yield events, text
        return
    middle = len(events) // 2
    yield from _batches(events[:middle], uuid)
    yield from _batches(events[middle:], uuid)


def _sendable(event: Event, uuid: str | None) -> dict[str, Any]:
    """Give the JSON of an event, without the ids that another node gave it."""
    json = event_to_json(event)
    if uuid is None or event.node_uuid != uuid:
        json["id"] = json["event_stream_id"] = None
    return json


def _stored(text: bytes) -> StoredEvents:
    answer = stored_events(text)
    if answer is None:
        value = value_of(text)
        events = member("events", value)
        ids = listed(lambda item: (int(item["id"]), int(item["event_stream_id"])), events)
        answer = StoredEvents(ids, value.get("node_uuid"))
    return answer


def _mark_stored(events: Sequence[Event], ids: list[tuple[int, int]], uuid: str) -> None:
    for event, (event_id, stream_id) in zip(events, ids, strict=True):
        event.id = event_id
        event.event_stream_id = stream_id
        event.node_uuid = uuid
