"""Events of an archive on their way into a stream that may have some of them already."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from joule.config.importer_conf import OnConflict
from joule.models.events import identity
from joule.models.intervals import MAX_TIME, Interval
from joule.storage.interfaces import EventQuery

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import TypeAlias

    from joule.models.events import Event, EventStream
    from joule.node.events import EventData

    Span: TypeAlias = tuple[int, int | None]

_PAGE = 1000
_HELD_MAX = 100_000


class Others:
    """Stored events of the same times, each to be taken once."""

    def __init__(self) -> None:
        self._events: dict[Hashable, list[Event]] = {}

    def add(self, event: Event) -> None:
        """Take in one more."""
        self._events.setdefault(identity(event), []).append(event)

    def take(self, key: Hashable) -> Event | None:
        """Give one of this identity, None if there is none."""
        same = self._events.get(key)
        if same is None:
            return None
        event = same.pop(0)
        if not same:
            del self._events[key]
        return event

    def take_any(self) -> Event | None:
        """Give one, None if there is none."""
        return self.take(next(iter(self._events), None))


class EventImport:
    """Stores events as new ones, under ids of this node.

    An event that is there with the same times and content is left alone, as often as it is there.
    One with the same times and another content is a conflict, which ``on_conflict`` decides.
    ``count`` is the number of events stored, ``known`` that of events left alone, ``unfit`` that of
    events that no stream can hold.
    """

    def __init__(self, store: EventData, stream: EventStream, on_conflict: OnConflict) -> None:
        self.count = 0
        self.known = 0
        self.unfit = 0
        self._store = store
        self._stream = stream
        self._on_conflict = on_conflict
        self._held: list[Event] = []

    async def add(self, events: list[Event]) -> None:
        """Take events, by start time; the last ones wait for others that start with them."""
        fit = [e for e in events if e.start_time < (MAX_TIME if e.end_time is None else e.end_time)]
        self.unfit += len(events) - len(fit)
        self._held = sorted([*self._held, *fit], key=lambda event: event.start_time)
        if not self._held:
            return
        last = self._held[-1].start_time
        ready = [event for event in self._held if event.start_time < last]
        if len(self._held) - len(ready) > _HELD_MAX:
            ready = self._held
        self._held = self._held[len(ready) :]
        await self._import(ready)

    async def finish(self) -> None:
        """Store what waits."""
        ready, self._held = self._held, []
        await self._import(ready)

    async def _import(self, events: list[Event]) -> None:
        """Compare with what is there and store what is new, durable on return."""
        if not events:
            return
        there = await self._there(events)
        conflicts: list[Event] = []
        for event in events:
            if there[_span(event)].take(identity(event)) is None:
                conflicts.append(event)
            else:
                self.known += 1
        chosen = [each for event in conflicts if (each := self._chosen(event, there)) is not None]
        if chosen:
            await self._store.write(self._stream, chosen)
            self.count += len(chosen)

    async def _there(self, events: list[Event]) -> dict[Span, Others]:
        """Give the stored events that have the times of one of these."""
        found: dict[Span, Others] = defaultdict(Others)
        spans = {_span(event) for event in events}
        interval = Interval(events[0].start_time, events[-1].start_time + 1)
        after: tuple[int, int] | None = None
        while True:
            query = EventQuery(interval, limit=_PAGE, after=after)
            page = await self._store.read(self._stream, query)
            for event in page:
                if _span(event) in spans:
                    found[_span(event)].add(event)
            if len(page) < _PAGE:
                return found
            after = (page[-1].start_time, page[-1].id)

    def _chosen(self, event: Event, there: dict[Span, Others]) -> Event | None:
        """Give what is stored for an event that is not there: itself, or the changed other one."""
        keeps_both = self._on_conflict is OnConflict.KEEP_BOTH
        other = None if keeps_both else there[_span(event)].take_any()
        if other is None:
            event.id = None
            event.event_stream_id = None
            return event
        if self._on_conflict is OnConflict.KEEP_DESTINATION:
            self.known += 1
            return None
        is_merge = self._on_conflict is OnConflict.MERGE
        content = {**other.content, **event.content} if is_merge else event.content
        if content == other.content:
            self.known += 1
            return None
        other.content = content
        other.event_stream_id = self._stream.id
        return other


def _span(event: Event) -> Span:
    return event.start_time, event.end_time
