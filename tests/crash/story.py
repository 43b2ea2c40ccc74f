"""A random mixed workload on the store: what is done, and the world after each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from joule.models.events import Event
from joule.models.intervals import Interval
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import CatalogChanges, EventQuery, FolderRecord, Kind
from joule.testing.faults import FaultyFiles
from tests.crash.world import (
    EVENT_STREAMS,
    FAST,
    SLOW,
    STREAMS,
    WIDE,
    World,
    event_values,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from joule.storage.interfaces import Engine, StreamRef
    from joule.testing.faults import Call
    from joule.testing.store_model import StoreModel

GRID_US = 1000
"""Rows in order come on a grid; late ones lie between, each write at its own distance."""

WEIGHTS = {
    "append": 8.0,
    "commit": 5.0,
    "insert": 3.0,
    "delete": 2.0,
    "consolidate": 1.5,
    "retain": 0.7,
    "drop": 0.3,
    "decimate": 0.7,
    "maintain": 1.0,
    "events": 2.5,
    "catalog": 1.0,
}


class Step(NamedTuple):
    """Something to do with a store, and what it does to the world; it can be done again."""

    name: str
    act: Callable[[Engine], Awaitable[Any]]
    note: Callable[[World, Any], None]


class Author:
    """Thinks of one step after the other, each fit for the world as it is."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._salt = 0
        self._tips = {stream.id: 0 for stream in STREAMS}

    def next(self, world: World) -> Step:
        """A step for this world."""
        weights = np.array(list(WEIGHTS.values()))
        name = str(self._random.choice(list(WEIGHTS), p=weights / weights.sum()))
        step: Step = getattr(self, name)(world)
        return step

    def _new_salt(self) -> int:
        self._salt += 1
        assert self._salt < GRID_US, "a story this long would repeat timestamps"
        return self._salt

    def _stream(self) -> StreamRef:
        return STREAMS[int(self._random.integers(len(STREAMS)))]

    def _flag(self, chance: float = 0.5) -> bool:
        return bool(self._random.random() < chance)

    def _range(self, model: StoreModel) -> Interval:
        times = model.times or [0, GRID_US]
        span = times[-1] - times[0] + 20
        low, high = sorted(self._random.uniform(-0.1, 1.1, 2))
        return Interval(times[0] + round(span * low), times[0] + round(span * high) + 1)

    # ------------------------------------------------------------------ rows

    def append(self, _world: World) -> Step:
        """Rows of several streams, behind their last ones."""
        chosen = [stream for stream in STREAMS if self._flag(0.6)] or [FAST]
        parts = [(stream, self._behind(stream), self._flag(0.3)) for stream in chosen]

        async def act(engine: Engine) -> None:
            for stream, values, flag in parts:
                engine.samples.append(stream, rows_of(stream, values), starts_interval=flag)

        def note(world: World, _: Any) -> None:
            for stream, values, flag in parts:
                world.streams[stream.id].add(values, before=flag, behind=False)

        return Step("append", act, note)

    def _behind(self, stream: StreamRef) -> dict[int, int]:
        most = {FAST: 250, WIDE: 60}.get(stream, 4)
        start = self._tips[stream.id] + int(self._random.integers(1, 4))
        self._tips[stream.id] = end = start + int(self._random.integers(1, most + 1))
        salt = self._new_salt()
        return dict.fromkeys(range(start * GRID_US, end * GRID_US, GRID_US), salt)

    def commit(self, _world: World) -> Step:
        """A group commit."""
        return Step(
            "commit", lambda engine: engine.samples.commit(), lambda world, _: world.committed()
        )

    def insert(self, world: World) -> Step:
        """Late rows, between others or before them."""
        stream = self._stream()
        start = self._range(world.streams[stream.id]).start // GRID_US
        salt = self._new_salt()
        count, stride = (int(n) for n in self._random.integers(1, (80, 3)))
        end = min(start + count * stride, self._tips[stream.id])
        times = range(start, max(end, start + 1), stride)
        values = {time * GRID_US + salt: salt for time in times}
        flags = {"starts_interval": self._flag(), "ends_interval": self._flag()}

        def note(world: World, _: Any) -> None:
            before, behind = flags.values()
            world.streams[stream.id].add(values, before=before, behind=behind)
            world.inserted(stream.id, values)

        self._tips[stream.id] = max(self._tips[stream.id], times[-1] + 1)
        return Step(
            "insert", lambda e: e.samples.insert(stream, rows_of(stream, values), **flags), note
        )

    def delete(self, world: World) -> Step:
        """A range of rows."""
        stream = self._stream()
        bounds = self._range(world.streams[stream.id])

        def note(world: World, removed: int) -> None:
            doomed = world.streams[stream.id].inside(bounds)
            assert removed == len(doomed), "another number of rows was deleted"
            world.streams[stream.id].remove(doomed)

        return Step("delete", lambda engine: engine.samples.delete(stream, bounds), note)

    def consolidate(self, world: World) -> Step:
        """Small gaps of a range."""
        stream = self._stream()
        bounds, gap = self._range(world.streams[stream.id]), int(self._random.integers(3000))

        def note(world: World, closed: int) -> None:
            model = world.streams[stream.id]
            known = set(model.inside(bounds))
            inside = [pair for pair in model.breaks if known.issuperset(pair)]
            gone = {(left, right) for left, right in inside if right - left - 1 <= gap}
            assert closed == len(gone), "another number of gaps was closed"
            model.breaks -= gone

        return Step("consolidate", lambda e: e.samples.consolidate(stream, bounds, gap), note)

    def retain(self, world: World) -> Step:
        """What is old goes, by whole chunks."""
        stream = (FAST, WIDE, SLOW[0])[int(self._random.integers(3))]
        before = self._range(world.streams[stream.id]).start

        def note(world: World, removed: int) -> None:
            model = world.streams[stream.id]
            due = [time for time in model.times if time < before]
            assert removed <= len(due), "rows were let go that are to be kept"
            model.remove(due[:removed])

        return Step("retain", lambda engine: engine.samples.retain(stream, before), note)

    def drop(self, _world: World) -> Step:
        """A stream is deleted."""
        stream = self._stream()

        def note(world: World, _: Any) -> None:
            model = world.streams[stream.id]
            model.values.clear()
            model.breaks.clear()

        return Step("drop", lambda engine: engine.samples.drop([stream.id]), note)

    def decimate(self, _world: World) -> Step:
        """The stored groups go and come again."""
        stream = self._stream()

        async def act(engine: Engine) -> None:
            await engine.samples.drop_decimations(stream)
            await engine.samples.decimate(stream)

        return Step("decimate", act, _nothing)

    def maintain(self, _world: World) -> Step:
        """Housekeeping."""
        return Step("maintain", lambda engine: engine.maintain(), _nothing)

    # ------------------------------------------------------------------ the rest

    def events(self, world: World) -> Step:
        """Events come, are replaced or removed."""
        stream = EVENT_STREAMS[int(self._random.integers(len(EVENT_STREAMS)))]
        known = list(world.events[stream])
        choice = self._random.random()
        if choice < 0.2:
            return self._events_removed(stream)
        if choice < 0.25:
            return Step(
                "events dropped",
                lambda engine: engine.events.drop([stream]),
                lambda world, _: world.events[stream].clear(),
            )
        replaced = [id_ for id_ in known if choice > 0.7 and self._flag(0.2)]
        return self._events_written(stream, replaced)

    def _events_written(self, stream: int, replaced: list[int]) -> Step:
        salt = self._new_salt()
        ids = replaced + [0] * int(self._random.integers(1, 20))
        starts = np.sort(self._random.integers(0, 10**6, len(ids))).tolist()

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
        low, high = sorted(self._random.integers(0, 10**6, 2).tolist())

        def note(world: World, removed: int) -> None:
            events = world.events[stream]
            doomed = [id_ for id_, (start, *_) in events.items() if low <= start < high + 1]
            assert removed == len(doomed), "another number of events was removed"
            for id_ in doomed:
                del events[id_]

        query = EventQuery(Interval(low, high + 1))
        return Step("events removed", lambda engine: engine.events.remove(stream, query), note)

    def catalog(self, world: World) -> Step:
        """Folders are put and deleted, a property is set."""
        salt = self._new_salt()
        if self._flag(0.3):
            return Step(
                "property",
                lambda engine: engine.catalog.set_property("note", salt),
                partial(_set_note, salt=salt),
            )
        put = [FolderRecord(salt * 10 + i, f"folder {i}", None, None, salt) for i in range(3)]
        gone = [id_ for id_ in world.folders if self._flag(0.4)]
        changes = CatalogChanges(list(put), [(Kind.FOLDER, id_) for id_ in gone])

        def note(world: World, _: Any) -> None:
            for id_ in gone:
                del world.folders[id_]
            world.folders.update({folder.id: folder for folder in put})

        return Step("catalog", lambda engine: engine.catalog.apply(changes), note)


def _nothing(_world: World, _result: Any) -> None:
    pass


def _set_note(world: World, _result: Any, salt: int) -> None:
    world.note = salt


@dataclass(frozen=True)
class Told:
    """A story that was told: ``worlds[i]`` is before step ``i``, which begins at ``marks[i]``."""

    steps: list[Step]
    worlds: list[World]
    marks: list[int]
    calls: list[Call]

    def chapter(self, moment: int) -> int:
        """Number of steps that were over when so many calls were done."""
        return max((i for i, mark in enumerate(self.marks) if mark <= moment), default=0)

    def allowed(self, moment: int) -> list[World]:
        """The worlds that may be found after so many calls, the acknowledged one first."""
        chapter = self.chapter(moment)
        return self.worlds[chapter : chapter + 2]


async def tell(path: Path, seed: int, steps: int, files: FaultyFiles | None = None) -> Told:
    """Tell a story to a new store and close it; the last two worlds are the same."""
    files = files or FaultyFiles()
    author = Author(seed)
    told = Told([], [World()], [0], files.calls)
    world = World()
    try:
        async with EmbeddedEngine(path, vfs=files.name) as engine:
            for number in range(steps):
                step = author.next(world) if number < steps - 1 else author.commit(world)
                told.steps.append(step)
                step.note(world, await step.act(engine))
                told.worlds.append(world.copy())
                told.marks.append(len(files.calls))
    finally:
        files.unregister()
    return told
