"""Events that are sent to a node, in requests of a size that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.api import targets
from joule.api.answers import listed, member
from joule.api.session import encoded
from joule.models.events import Event
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
    uuid = str(member("uuid", await session.get(Route.VERSION_JSON)))
    head = encoded(target)[:-1]
    for first in range(0, len(events), BATCH_EVENTS):
        for batch, text in _batches(events[first : first + BATCH_EVENTS], uuid):
            body = b'%s,"events":%s}' % (head, text)
            answer = member("events", await session.post(Route.EVENT_DATA, body))
            _mark_stored(batch, answer, uuid)


def _batches(events: Sequence[Event], uuid: str) -> Iterator[tuple[Sequence[Event], bytes]]:
    """Give the events with their JSON, in halves as long as that is too long for one request."""
    text = encoded([_sendable(event, uuid) for event in events])
    if len(text) <= BATCH_BYTES or len(events) == 1:
        yield events, text
        return
    middle = len(events) // 2
    yield from _batches(events[:middle], uuid)
    yield from _batches(events[middle:], uuid)


def _sendable(event: Event, uuid: str) -> dict[str, Any]:
    """Give the JSON of an event, without the ids that another node gave it."""
    json = event_to_json(event)
    return json if event.node_uuid == uuid else {**json, "id": None, "event_stream_id": None}


def _mark_stored(events: Sequence[Event], answer: Any, uuid: str) -> None:
    ids = listed(lambda item: (int(item["id"]), int(item["event_stream_id"])), answer)
    for event, (event_id, stream_id) in zip(events, ids, strict=True):
        event.id = event_id
        event.event_stream_id = stream_id
        event.node_uuid = uuid
