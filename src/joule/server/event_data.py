"""Reading and writing of events: which of them are new, and what to show when they are many.

This knows the event store but no HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError
from joule.models.events import EventStreamInfo
from joule.models.intervals import MAX_TIME, MIN_TIME, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.events import Event
    from joule.storage.interfaces import EventQuery, EventStore

_BUCKETS = 99


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many of ``count`` matching events start in each ``[edges[i], edges[i + 1])``."""

    count: int
    edges: Sequence[int]
    buckets: Sequence[int]


async def info_of(store: EventStore, stream_id: int) -> EventStreamInfo:
    """Give what is stored of an event stream."""
    info = await store.info(stream_id)
    return EventStreamInfo(
        start=info.start,
        end=info.end,
        event_count=info.count,
        bytes=info.bytes,
        total_time=0 if info.start is None or info.end is None else info.end - info.start,
    )


async def write(store: EventStore, stream_id: int, events: Sequence[Event]) -> None:
    """Store events and give them their ids; those read from this stream before are replaced.

    Raises ``InvalidRequestError`` for an event that ends before it begins; then none is stored.
    """
    for event in events:
        _check_times(event)
        if event.event_stream_id != stream_id:
            event.id = None
    ids = await store.write(stream_id, events)
    for event, event_id in zip(events, ids, strict=True):
        event.id = event_id
        event.event_stream_id = stream_id


def _check_times(event: Event) -> None:
    start, end = event.start_time, event.end_time
    if end is not None and start >= end:
        raise InvalidRequestError(
            f"[start_time] must be before [end_time] (event from {start} to {end})"
        )


async def histogram(store: EventStore, stream_id: int, query: EventQuery, count: int) -> Histogram:
    """Count the events that start in about 100 equal pieces of the range."""
    span = await _span(store, stream_id, query.interval)
    edges = bucket_edges(span)
    starting = replace(query, ongoing=False)
    return Histogram(count, edges, await store.histogram(stream_id, starting, edges))


async def _span(store: EventStore, stream_id: int, interval: Interval) -> Interval:
    """Replace the open bounds of a range by the first start and the last end."""
    info = await store.info(stream_id)
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


def buckets(shown: Histogram) -> list[tuple[int, int, int]]:
    """Give ``(start, end, count)`` of every piece of a histogram."""
    return [
        (start, end, count)
        for (start, end), count in zip(pairwise(shown.edges), shown.buckets, strict=True)
    ]
