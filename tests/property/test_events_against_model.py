"""Random operations on event stores and on a plain list, every answer compared."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from joule.models.events import Event
from joule.models.filters import EventFilter
from joule.models.intervals import ALL_TIME, Interval
from joule.storage.embedded import EmbeddedEngine
from joule.storage.interfaces import EventQuery
from joule.storage.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import TypeVar

    from joule.storage.interfaces import Engine

    T = TypeVar("T")


class Line(NamedTuple):
    start: int
    id: int
    end: int | None
    kind: int


times = st.integers(0, 60) | st.sampled_from([10**6, 10**12, -(2**62), 2**62])
lengths = st.none() | st.integers(1, 20) | st.sampled_from([255, 256, 10**7, 2**61])
kinds = st.integers(0, 3)


@st.composite
def queries(draw: st.DrawFn) -> tuple[EventQuery, int | None]:
    """Give a query and the kind that its filter wants."""
    start, end = draw(times), draw(times)
    interval = draw(st.sampled_from([ALL_TIME, Interval(start, end)]))
    kind = draw(st.none() | kinds)
    where = None if kind is None else EventFilter.parse(json.dumps([[["kind", "eq", kind]]]))
    after = draw(st.none() | st.tuples(times, st.integers(0, 40)))
    limit = draw(st.none() | st.integers(0, 5))
    ongoing, latest = draw(st.booleans()), draw(st.booleans())
    return EventQuery(interval, ongoing, where, limit, latest, after), kind


class EventsAgainstModel(RuleBasedStateMachine):
    """One event stream in both engines and in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="joule-events-"))
        self.loop = asyncio.new_event_loop()
        self.engines: list[Engine] = [MemoryEngine(), EmbeddedEngine(self.folder / "joule.db")]
        for engine in self.engines:
            self.run(engine.__aenter__())
        self.lines: list[Line] = []
        self.next_id = 1

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        for engine in self.engines:
            self.run(engine.__aexit__(None, None, None))
        self.loop.close()
        shutil.rmtree(self.folder)

    @rule(events=st.lists(st.tuples(times, lengths, kinds), min_size=1, max_size=8))
    def write(self, events: list[tuple[int, int | None, int]]) -> None:
        new = [(start, end_of(start, length), kind) for start, length, kind in events]
        ids = list(range(self.next_id, self.next_id + len(new)))
        self.next_id += len(new)
        for engine in self.engines:
            batch = [Event(start, end, {"kind": kind}) for start, end, kind in new]
            assert self.run(engine.events.write(1, batch)) == ids
        for id_, (start, end, kind) in zip(ids, new, strict=True):
            self.lines.append(Line(start, id_, end, kind))

    @rule(start=times, length=lengths, kind=kinds, which=st.integers(0, 100))
    def replace(self, start: int, length: int | None, kind: int, which: int) -> None:
        if self.lines:
            old = self.lines.pop(which % len(self.lines))
            new = Line(start, old.id, end_of(start, length), kind)
            for engine in self.engines:
                event = Event(new.start, new.end, {"kind": kind})
                event.id = old.id
                assert self.run(engine.events.write(1, [event])) == [old.id]
            self.lines.append(new)

    @rule(wanted=queries())
    def read(self, wanted: tuple[EventQuery, int | None]) -> None:
        query, kind = wanted
        expected = self.selected(query, kind)
        for engine in self.engines:
            found = self.run(engine.events.read(1, query))
            assert [line_of(event) for event in found] == expected
            assert self.run(engine.events.count(1, query)) == len(self.matching(query, kind))

    @rule(wanted=queries(), edges=st.lists(times, min_size=2, max_size=6, unique=True))
    def histogram(self, wanted: tuple[EventQuery, int | None], edges: list[int]) -> None:
        edges.sort()
        matching = self.matching(*wanted)
        expected = [
            sum(start <= line.start < end for line in matching)
            for start, end in itertools.pairwise(edges)
        ]
        for engine in self.engines:
            assert self.run(engine.events.histogram(1, wanted[0], edges)) == expected

    @rule(wanted=queries())
    def remove(self, wanted: tuple[EventQuery, int | None]) -> None:
        doomed = self.selected(*wanted)
        for engine in self.engines:
            assert self.run(engine.events.remove(1, wanted[0])) == len(doomed)
        self.lines = [line for line in self.lines if line not in doomed]

    @rule(before=times)
    def retain(self, before: int) -> None:
        kept = [line for line in self.lines if line.end is None or line.end >= before]
        for engine in self.engines:
            removed = self.run(engine.events.retain(1, before))
            assert removed == len(self.lines) - len(kept)
        self.lines = kept

    @invariant()
    def the_figures_agree(self) -> None:
        ends = [line.end for line in self.lines if line.end is not None]
        starts = [line.start for line in self.lines]
        for engine in self.engines:
            info = self.run(engine.events.info(1))
            assert info.count == len(self.lines)
            assert info.start == min(starts, default=None)
            assert info.end == max(ends, default=None)

    def matching(self, query: EventQuery, kind: int | None) -> list[Line]:
        start, end = query.interval
        return sorted(
            line
            for line in self.lines
            if line.start < end
            and (line.start >= start or (query.ongoing and (line.end is None or line.end >= start)))
            and (kind is None or line.kind == kind)
            and (query.after is None or line[:2] > query.after)
        )

    def selected(self, query: EventQuery, kind: int | None) -> Sequence[Line]:
        lines = self.matching(query, kind)
        if query.limit is None:
            return lines
        return (
            lines[len(lines) - min(query.limit, len(lines)) :]
            if query.latest
            else lines[: query.limit]
        )


def end_of(start: int, length: int | None) -> int | None:
    return None if length is None else start + length


def line_of(event: Event) -> Line:
    return Line(event.start_time, event.id, event.end_time, event.content["kind"])


TestEvents = EventsAgainstModel.TestCase
TestEvents.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
