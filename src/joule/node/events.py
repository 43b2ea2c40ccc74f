"""Everything about the events of a node's event streams.

Which of the events that are written are new, and what is shown of many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError
from joule.models.events import EventStreamInfo
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joule.models.events import Event, EventStream
    from joule.storage.interfaces import EventQuery, EventStore, EventText

_BUCKETS = 99


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many of ``count`` matching events start in each ``[edges[i], edges[i + 1])``."""

    count: int
    edges: Sequence[int]
    counts: Sequence[int]

    def buckets(self) -> list[tuple[int, int, int]]:
        """Give ``(start, end, count)`` of every piece."""
        spans = zip(pairwise(self.edges), self.counts, strict=True)
        return [(start, end, count) for (start, end), count in spans]


class EventData:
    """Events in, events out. ``stream`` is always the catalog's object."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def info(self, stream: EventStream) -> EventStreamInfo:
        """Tell what is stored of a stream."""
        info = await self._store.info(stream.id)
        return EventStreamInfo(
            start=info.start,
            end=info.end,
            event_count=info.count,
            bytes=info.bytes,
            total_time=0 if info.start is None or info.end is None else info.end - info.start,
        )

    async def infos(self, streams: Iterable[EventStream]) -> dict[int, EventStreamInfo]:
        """Tell what is stored of each stream, by id."""
        return {stream.id: await self.info(stream) for stream in list(streams)}

    async def write(self, stream: EventStream, events: Sequence[Event]) -> None:
        """Store events and give them their ids; those read from this stream before are replaced.

        Raises ``InvalidRequestError`` for an event that ends before it begins, or begins where no
        range reaches; then none is stored.
        """
        for event in events:
            _check_times(event)
            if event.event_stream_id != stream.id:
                event.id = None
        ids = await self._store.write(stream.id, events)
        for event, event_id in zip(events, ids, strict=True):
            event.id = event_id
            event.event_stream_id = stream.id

    async def read(self, stream: EventStream, query: EventQuery) -> list[Event]:
        """Give the events that match, by start time and id."""
        return await self._store.read(stream.id, query)

    async def read_some(
        self,
        stream: EventStream,
        query: EventQuery,
        limit: int,
        after: tuple[int, int] | None = None,
    ) -> list[EventText]:
        """Give at most ``limit`` of the events that match as they are stored, by start and id.

        They are the first ones behind ``after``, a start time and an id. When the range has only
        an end, and there is no ``after``, they are the last ones.
        """
        start, end = query.interval
        latest = start == MIN_TIME and end != MAX_TIME and after is None
        wanted = replace(query, limit=limit, latest=latest, after=after)
        return await self._store.read_texts(stream.id, wanted)

    async def overview(
        self, stream: EventStream, query: EventQuery, limit: int
    ) -> list[EventText] | Histogram:
        """Give the events that match as they are stored, above ``limit`` a histogram of them.

        The histogram counts the events that start in about 100 equal pieces of the range.
        """
        count = await self.count(stream, query)
        if count <= limit:
            return await self._store.read_texts(stream.id, query)
        edges = bucket_edges(await self._span(stream, query.interval))
        starting = replace(query, ongoing=False)
        return Histogram(count, edges, await self._store.histogram(stream.id, starting, edges))

    async def count(self, stream: EventStream, query: EventQuery) -> int:
        """Count the events that match."""
        return await self._store.count(stream.id, query)

    async def remove(self, stream: EventStream, query: EventQuery) -> int:
        """Remove the events that match and give their number."""
        return await self._store.remove(stream.id, query)

    async def retain(self, stream: EventStream, before: int) -> int:
        """Let go of events that ended earlier than ``before`` and give their number."""
        return await self._store.retain(stream.id, before)

    async def _span(self, stream: EventStream, interval: Interval) -> Interval:
        """Replace the open bounds of a range by the first start and the last end."""
        info = await self._store.info(stream.id)
        start, end = interval
        if start == MIN_TIME and info.start is not None:
            start = info.start
        if end == MAX_TIME and info.end is not None:
            end = info.end
        return Interval(start, max(start + 1, end))


def bucket_edges(span: Interval) -> list[int]:
    """Give the edges of about 100 pieces that cover ``span``, at multiples of their width."""
    width = max(1, -(-(span.end - span.start) // _BUCKETS))
    first = span.start // width * width
    edges = list(range(first, span.end + width, width))
    return [min(max(edge, MIN_TIME), MAX_TIME) for edge in edges]


def _check_times(event: Event) -> None:
    start, end = event.start_time, event.end_time
    if start == MAX_TIME:
        raise InvalidRequestError(f"[start_time] must be before {MAX_TIME}")
    if end is not None and start >= end:
        raise InvalidRequestError(
            f"[start_time] must be before [end_time] (event from {start} to {end})"
        )
