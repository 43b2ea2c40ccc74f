"""Events that a node sends, block by block, without losing or doubling one at the edges."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from joule.api.answers import listed, member, understood
from joule.api.bodies import value_of
from joule.models.events import EventStreamInfo
from joule.wire.event_text import events_of, found_events
from joule.wire.json_models import event_from_json, info_from_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from joule.api.session import Session
    from joule.api.targets import Params
    from joule.models.events import Event
    from joule.wire.event_forms import FoundEvent

log = logging.getLogger(__name__)

BLOCK_EVENTS = 5_000

Found: TypeAlias = "Event | FoundEvent"

_start_time = attrgetter("start_time")


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

    def holds(self, event: Found) -> bool:
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
        events: list[Event] = []
        size = min(self._limit + 1, BLOCK_EVENTS)
        async for block in _read(self._session, self._selection, size, ahead=False):
            events += block
            if len(events) > self._limit:
                log.warning("only the first %d events were read, raise [limit]", self._limit)
                break
        return events[: self._limit]

    async def _single(self) -> AsyncIterator[Event]:
        async for block in _read(self._session, self._selection, BLOCK_EVENTS, ahead=True):
            for event in block:
                yield event

    async def _blocks(self, size: int) -> AsyncIterator[list[Event]]:
        waiting: list[Event] = []
        async for block in _read(self._session, self._selection, size, ahead=True):
            waiting += block
            while len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
        if waiting:
            yield waiting


async def _read(
    session: Session, selection: EventSelection, block_size: int, *, ahead: bool
) -> AsyncIterator[list[Event]]:
    """Give the selected events by start time, each once, in blocks of varying size.

    With ``ahead`` the node looks for the next events while the last ones are made and used.
    """
    uuid = str(member("uuid", await session.get(Route.VERSION_JSON)))
    begin = await _with_start(session, selection)
    request = None if begin is None else _Request(begin, block_size)
    coming: asyncio.Task[bytes] | None = None
    try:
        while request is not None:
            text, coming = await (coming or request.send(session)), None
            found = _found(text)
            fresh, request = request.unseen(found), request.following(found, block_size)
            if ahead and request is not None:
                coming = asyncio.create_task(request.send(session))
                await asyncio.sleep(0)  # it is sent before those at hand are made events and used
            if fresh:
                yield events_of(fresh, uuid)
    finally:
        if coming is not None:
            await _give_up(coming)


@dataclass(frozen=True)
class _Request:
    """At most ``limit`` events of a selection, of which those with the ids in ``seen`` are known.

    Each request begins at the start time where the one before it stopped. Events of that very
    time are asked for again and left out by their ids; when a whole answer has one start time
    there may be more of them than fit, so the next one asks for twice as many.
    """

    selection: EventSelection
    limit: int
    seen: frozenset[int] = frozenset()

    async def send(self, session: Session) -> bytes:
        """Give the text that the node answers."""
        params = self.selection.params() | {"limit": self.limit, "return-subset": 1}
        return await session.text("GET", Route.EVENT_DATA, params)

    def unseen(self, events: list[Found]) -> list[Found]:
        """Give the events of the answer that are selected and not known."""
        start = self.selection.start
        behind = 0 if start is None else bisect_right(events, start, key=_start_time)
        first = [e for e in events[:behind] if e.id not in self.seen and self.selection.holds(e)]
        return first + events[behind:]

    def following(self, events: list[Found], block_size: int) -> _Request | None:
        """Give the request for what comes behind an answer, None when that was the end."""
        if len(events) < self.limit:
            return None
        last = events[-1].start_time
        latest = frozenset(e.id for e in takewhile(lambda e: e.start_time == last, events[::-1]))
        stuck = last == self.selection.start
        return _Request(
            replace(self.selection, start=last, ongoing=False),
            limit=self.limit * 2 if stuck else block_size,
            seen=self.seen | latest if stuck else latest,
        )


def _found(text: bytes) -> list[Found]:
    found = found_events(text)
    if found is None:
        return listed(event_from_json, member("events", value_of(text)))
    return cast("list[Found]", found)


async def _give_up(request: asyncio.Task[bytes]) -> None:
    """End a request whose answer nobody wants any more, whatever it is."""
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)


async def _with_start(session: Session, selection: EventSelection) -> EventSelection | None:
    """Make sure that there is a start, else the node gives the last events before the end."""
    if selection.start is not None or selection.end is None:
        return selection
    answer = await session.get(Route.EVENT, selection.target)
    info = understood(partial(info_from_json, EventStreamInfo), member("data_info", answer))
    if info.start is None or info.start >= selection.end:
        return None
    return replace(selection, start=info.start)
