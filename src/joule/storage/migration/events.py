"""The events of an event stream, copied and summed up."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import ALL_TIME
from joule.storage.interfaces import EventQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from joule.models.events import Event
    from joule.storage.interfaces import EventStore

    Advance = Callable[[int], None]

PAGE_EVENTS: Final = 5000

_MINUS_ZERO: Final = re.compile(r"-0\.0(?![0-9])")
"""Not every engine tells it from zero."""


class EventSum(NamedTuple):
    """Number of events, and a checksum of them with their ids."""

    events: int
    contents: str


async def copy_events(
    source: EventStore, target: EventStore, stream_id: int, advance: Advance
) -> None:
    """Put what the destination does not have, with the same ids; durable on return."""
    after: tuple[int, int] | None = None
    for event in await target.read(stream_id, EventQuery(ALL_TIME, limit=1, latest=True)):
        after = (event.start_time, event.id)
        advance(await target.count(stream_id, EventQuery(ALL_TIME)))
    async for page in _pages(source, stream_id, after):
        await target.put(stream_id, page)
        advance(len(page))
    last_id = await source.last_id(stream_id)
    if last_id > await target.last_id(stream_id):
        await target.put(stream_id, [], last_id)


async def events_sum(store: EventStore, stream_id: int, advance: Advance) -> EventSum:
    """Read an event stream from end to end."""
    count, data_sum = 0, sha256()
    async for page in _pages(store, stream_id, None):
        for event in page:
            data_sum.update(_canonical(event).encode())
        count += len(page)
        advance(len(page))
    return EventSum(count, data_sum.hexdigest())


async def _pages(
    store: EventStore, stream_id: int, after: tuple[int, int] | None
) -> AsyncIterator[list[Event]]:
    query = EventQuery(ALL_TIME, limit=PAGE_EVENTS, after=after)
    while page := await store.read(stream_id, query):
        yield page
        last = page[-1]
        query = EventQuery(ALL_TIME, limit=PAGE_EVENTS, after=(last.start_time, last.id))


def _canonical(event: Event) -> str:
    """Give an event as text, whatever the order of keys and the spelling of numbers."""
    values = [event.start_time, event.id, event.end_time, event.content]
    return _MINUS_ZERO.sub("0.0", json.dumps(values, sort_keys=True))
