"""Events in dictionaries."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from joule.models.events import Event
from joule.storage.interfaces import EventInfo
from joule.wire.json_text import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from joule.storage.interfaces import EventQuery, EventText


@dataclass(slots=True)
class _Shelf:
    """The events of one stream by id."""

    events: dict[int, Event] = field(default_factory=dict)
    next_id: int = 1

    def number(self, events: Sequence[Event]) -> list[int]:
        """Give every event the id under which it is to be stored."""
        ids = [known_id(event) for event in events]
        fresh = [i for i, id_ in enumerate(ids) if id_ is None]
        unknown = [i for i, id_ in enumerate(ids) if id_ is not None and id_ not in self.events]
        for i in fresh + unknown:
            ids[i] = self.next_id
            self.next_id += 1
        return [id_ for id_ in ids if id_ is not None]


def known_id(event: Event) -> int | None:
    """Give the id an event came with, None when it has none."""
    return event.id if event.is_saved else None


class MemoryEvents:
    """An ``EventStore`` in dictionaries."""

    def __init__(self) -> None:
        self._shelves: dict[int, _Shelf] = defaultdict(_Shelf)

    @property
    def size_bytes(self) -> int:
        """Roughly the bytes that all events take."""
        return sum(_size(shelf.events.values()) for shelf in self._shelves.values())

    async def write(self, stream_id: int, events: Sequence[Event]) -> list[int]:
        shelf = self._shelves[stream_id]
        copies = [_copy(event, stream_id) for event in events]
        ids = shelf.number(events)
        for id_, event in zip(ids, copies, strict=True):
            event.id = id_
            shelf.events[id_] = event
        return ids

    async def put(self, stream_id: int, events: Sequence[Event], last_id: int = 0) -> None:
        shelf = self._shelves[stream_id]
        for event in events:
            shelf.events[event.id] = _copy(event, stream_id)
        shelf.next_id = max([shelf.next_id, last_id + 1, *(event.id + 1 for event in events)])

    async def last_id(self, stream_id: int) -> int:
        return self._shelves[stream_id].next_id - 1 if stream_id in self._shelves else 0

    async def read(self, stream_id: int, query: EventQuery) -> list[Event]:
        return [_copy(event, stream_id) for event in self._selected(stream_id, query)]

    async def read_texts(self, stream_id: int, query: EventQuery) -> list[EventText]:
        return [
            (event.start_time, event.id, event.end_time, encoded(event.content).decode())
            for event in self._selected(stream_id, query)
        ]

    async def count(self, stream_id: int, query: EventQuery) -> int:
        return sum(1 for _ in self._matching(stream_id, query))

    async def histogram(self, stream_id: int, query: EventQuery, edges: Sequence[int]) -> list[int]:
        counts = [0] * (len(edges) - 1)
        for event in self._matching(stream_id, query):
            if edges[0] <= event.start_time < edges[-1]:
                counts[bisect_right(edges, event.start_time) - 1] += 1
        return counts

    async def remove(self, stream_id: int, query: EventQuery) -> int:
        doomed = [event.id for event in self._selected(stream_id, query)]
        for id_ in doomed:
            del self._shelves[stream_id].events[id_]
        return len(doomed)

    async def info(self, stream_id: int) -> EventInfo:
        events = self._events(stream_id)
        if not events:
            return EventInfo()
        ends = [event.end_time for event in events if event.end_time is not None]
        start = min(event.start_time for event in events)
        return EventInfo(len(events), start, max(ends, default=None), _size(events))

    async def retain(self, stream_id: int, before: int) -> int:
        events = self._events(stream_id)
        doomed = [e.id for e in events if e.end_time is not None and e.end_time < before]
        for id_ in doomed:
            del self._shelves[stream_id].events[id_]
        return len(doomed)

    async def drop(self, stream_ids: Sequence[int]) -> None:
        for stream_id in stream_ids:
            self._shelves.pop(stream_id, None)

    def _events(self, stream_id: int) -> list[Event]:
        shelf = self._shelves.get(stream_id)
        return [] if shelf is None else list(shelf.events.values())

    def _matching(self, stream_id: int, query: EventQuery) -> Iterator[Event]:
        for event in self._events(stream_id):
            if (
                _in_range(event, query)
                and (query.after is None or (event.start_time, event.id) > query.after)
                and (query.where is None or query.where.matches(event.content))
            ):
                yield event

    def _selected(self, stream_id: int, query: EventQuery) -> list[Event]:
        events = sorted(self._matching(stream_id, query), key=lambda e: (e.start_time, e.id))
        if query.limit is None:
            return events
        return (
            events[max(0, len(events) - query.limit) :] if query.latest else events[: query.limit]
        )


def _in_range(event: Event, query: EventQuery) -> bool:
    start, end = query.interval
    if event.start_time >= end:
        return False
    if event.start_time >= start:
        return True
    return query.ongoing and (event.end_time is None or event.end_time >= start)


def _copy(event: Event, stream_id: int) -> Event:
    content = deepcopy(event.content)
    copy = Event(event.start_time, event.end_time, content, event_stream_id=stream_id)
    copy.id = known_id(event)
    return copy


def _size(events: Iterable[Event]) -> int:
    return sum(16 + len(json.dumps(event.content)) for event in events)
