"""Steps of a story that have to do with events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.models.events import Event
from joule.models.intervals import Interval
from joule.storage.interfaces import EventQuery
from tests.crash.steps import Step
from tests.crash.world import EVENT_STREAMS, event_values

if TYPE_CHECKING:
    from tests.crash.steps import Dice
    from tests.crash.world import World


class EventSteps:
    """Thinks of events that come, change and go."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def events(self, world: World) -> Step:
        """Events come, are replaced or removed."""
        stream = EVENT_STREAMS[int(self._dice.random.integers(len(EVENT_STREAMS)))]
        known = list(world.events[stream])
        choice = self._dice.random.random()
        if choice < 0.2:
            return self._events_removed(stream)
        if choice < 0.25:
            return Step(
                "events dropped",
                lambda engine: engine.events.drop([stream]),
                lambda world, _: world.events[stream].clear(),
            )
        replaced = [id_ for id_ in known if choice > 0.7 and self._dice.flag(0.2)]
        return self._events_written(stream, replaced)

    def _events_written(self, stream: int, replaced: list[int]) -> Step:
        salt = self._dice.salt()
        ids = replaced + [0] * int(self._dice.random.integers(1, 20))
        starts = np.sort(self._dice.random.integers(0, 10**6, len(ids))).tolist()

        def events() -> list[Event]:
            found = []
            for number, (id_, start) in enumerate(zip(ids, starts, strict=True)):
                end = None if number % 5 == 0 else start + number * 100
                found.append(Event(start, end, {"salt": salt, "number": number}))
                if id_:
                    found[-1].id = id_
            return found

        def note(world: World, given: list[int]) -> None:
            values = map(event_values, events())
            world.events[stream].update(zip(given, values, strict=True))

        return Step("events written", lambda engine: engine.events.write(stream, events()), note)

    def _events_removed(self, stream: int) -> Step:
        low, high = sorted(self._dice.random.integers(0, 10**6, 2).tolist())

        def note(world: World, removed: int) -> None:
            events = world.events[stream]
            doomed = [id_ for id_, (start, *_) in events.items() if low <= start < high + 1]
            assert removed == len(doomed), "another number of events was removed"
            for id_ in doomed:
                del events[id_]

        query = EventQuery(Interval(low, high + 1))
        return Step("events removed", lambda engine: engine.events.remove(stream, query), note)

    def event_write(self, _world: World) -> Step:
        """New events."""
        return self._events_written(EVENT_STREAMS[0], [])

    def event_update(self, world: World) -> Step:
        """Events are replaced, and others come."""
        return self._events_written(EVENT_STREAMS[0], list(world.events[EVENT_STREAMS[0]])[::2])

    def event_remove(self, _world: World) -> Step:
        """Events of a range are removed."""
        return self._events_removed(EVENT_STREAMS[0])
