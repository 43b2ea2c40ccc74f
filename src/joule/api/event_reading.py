"""Events that a node sends, block by block, without losing or doubling one at the edges."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from joule.api.answers import listed, member, understood
from joule.errors import InvalidRequestError
from joule.models.events import EventStreamInfo
from joule.wire.json_models import event_from_json, info_from_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from joule.api.session import Session
    from joule.api.targets import Params
    from joule.models.events import Event

log = logging.getLogger(__name__)

BLOCK_EVENTS = 5_000


@dataclass(frozen=True)
class EventSelection:
    """Which events: a stream, a range ``[start, end)`` in UNIX us, a filter text.

    With ``ongoing`` also those that began before ``start`` and had not ended then.
    """

    target: Params
    start: int | None
    end: int | None
    json_filter: str | None
    ongoing: bool

    def params(self) -> Params:
        """Give the parameters of a request."""
        params = dict(self.target)
        if self.start is not None:
            params["start"] = self.start
        if self.end is not None:
            params["end"] = self.end
        if self.json_filter:
            params["filter"] = self.json_filter
        params["include-ongoing-events"] = int(self.ongoing)
        return params

    def holds(self, event: Event) -> bool:
        """Whether an event that begins before ``end`` belongs to the range."""
        if self.start is None or event.start_time >= self.start:
            return True
        return self.ongoing and (event.end_time is None or event.end_time >= self.start)


class EventReading:
    """The outcome of ``event_stream_read``: awaited a list, iterated one event after another."""

    def __init__(
        self, session: Session, selection: EventSelection, block_size: int | None, limit: int
    ) -> None:
        self._session = session
        self._selection = selection
        self._block_size = block_size
        self._limit = limit

    def __await__(self) -> Generator[Any, None, list[Event]]:
        return self._first_events().__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._single() if self._block_size is None else self._blocks(self._block_size)

    async def _first_events(self) -> list[Event]:
        if isinstance(self._limit, bool) or not isinstance(self._limit, int) or self._limit < 1:
            raise InvalidRequestError("limit must be an integer > 0")
        events: list[Event] = []
        size = min(self._limit + 1, BLOCK_EVENTS)
        async for block in _read(self._session, self._selection, size):
            events += block
            if len(events) > self._limit:
                log.warning("only the first %d events were read, raise [limit]", self._limit)
                break
        return events[: self._limit]

    async def _single(self) -> AsyncIterator[Event]:
        async for block in _read(self._session, self._selection, BLOCK_EVENTS):
            for event in block:
                yield event

    async def _blocks(self, size: int) -> AsyncIterator[list[Event]]:
        waiting: list[Event] = []
        async for block in _read(self._session, self._selection, size):
            waiting += block
            while len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
        if waiting:
            yield waiting


async def _read(
    session: Session, selection: EventSelection, block_size: int
) -> AsyncIterator[list[Event]]:
    """Give the selected events by start time, each once, in blocks of varying size.

    Each request begins at the start time where the one before it stopped. Events of that very
    time are asked for again and left out by their ids; when a whole answer has one start time
    there may be more of them than fit, so the next one asks for twice as many.
    """
    uuid = str(member("uuid", await session.get(Route.VERSION_JSON)))
    request = await _with_start(session, selection)
    limit, seen = block_size, set[int]()
    while request is not None:
        events = await _request(session, request, limit)
        fresh = [event for event in events if event.id not in seen and selection.holds(event)]
        for event in fresh:
            event.node_uuid = uuid
        if fresh:
            yield fresh
        if len(events) < limit:
            return
        last = events[-1].start_time
        stuck = last == request.start
        limit = limit * 2 if stuck else block_size
        latest = {event.id for event in events if event.start_time == last}
        seen = seen | latest if stuck else latest
        request = replace(request, start=last, ongoing=False)


async def _with_start(session: Session, selection: EventSelection) -> EventSelection | None:
    """Make sure that there is a start, else the node gives the last events before the end."""
    if selection.start is not None or selection.end is None:
        return selection
    answer = await session.get(Route.EVENT, selection.target)
    info = understood(partial(info_from_json, EventStreamInfo), member("data_info", answer))
    if info.start is None or info.start >= selection.end:
        return None
    return replace(selection, start=info.start)


async def _request(session: Session, selection: EventSelection, limit: int) -> list[Event]:
    params = selection.params() | {"limit": limit, "return-subset": 1}
    return listed(event_from_json, member("events", await session.get(Route.EVENT_DATA, params)))
