"""Which events a query means."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from joule.models.events import Event
from joule.models.filters import EventFilter
from joule.models.intervals import ALL_TIME, MIN_TIME
from joule.storage.interfaces import EventQuery
from joule.testing.engine_contract.event_kit import ALL, numbered, numbers, query, where

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine


class EventSelectionContract:
    """Which events a query means."""

    async def test_a_range_is_half_open_in_start_time(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(10))
        assert numbers(await engine.events.read(1, query(20, 50))) == [2, 3, 4]
        assert numbers(await engine.events.read(1, query(21, 51))) == [3, 4, 5]
        assert await engine.events.count(1, query(20, 50)) == 3
        assert await engine.events.read(1, query(50, 50)) == []
        assert await engine.events.read(1, query(60, 50)) == []

    async def test_events_are_ordered_by_start_then_id(self, engine: Engine) -> None:
        events = [Event(start, 100 - i, {"n": i}) for i, start in enumerate([5, 3, 5, 1, 3, 5])]
        await engine.events.write(1, events)
        assert numbers(await engine.events.read(1, ALL)) == [3, 1, 4, 0, 2, 5]

    async def test_ongoing_events_began_before_and_end_at_or_after_the_start(
        self, engine: Engine
    ) -> None:
        spans = [(0, 99), (10, 100), (20, 101), (30, None), (40, 500), (100, 110), (200, 210)]
        await engine.events.write(1, [Event(s, e, {"n": i}) for i, (s, e) in enumerate(spans)])
        assert numbers(await engine.events.read(1, query(100, 200))) == [5]
        ongoing = query(100, 200, ongoing=True)
        assert numbers(await engine.events.read(1, ongoing)) == [1, 2, 3, 4, 5]
        assert await engine.events.count(1, ongoing) == 5
        assert numbers(await engine.events.read(1, query(MIN_TIME, 35, ongoing=True))) == [
            0,
            1,
            2,
            3,
        ]

    @pytest.mark.parametrize("length", [1, 1000, 10**6, 10**9, 10**12, 10**15, 10**18, None])
    async def test_ongoing_events_of_any_length_are_found(
        self, engine: Engine, length: int | None
    ) -> None:
        begin = 1_700_000_000_000_000
        await engine.events.write(1, numbered(50))
        end = None if length is None else begin + length
        await engine.events.write(1, [Event(begin, end, {"n": -1})])
        last = begin + 10**17 if end is None else end
        found = await engine.events.read(1, query(last, last + 1, ongoing=True))
        assert numbers(found) == [-1]
        if end is not None:
            assert await engine.events.read(1, query(end + 1, end + 2, ongoing=True)) == []

    async def test_a_limit_takes_the_first(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(10))
        assert numbers(await engine.events.read(1, query(20, 90, limit=3))) == [2, 3, 4]
        assert len(await engine.events.read(1, query(20, 90, limit=100))) == 7
        assert await engine.events.read(1, query(20, 90, limit=0)) == []
        assert await engine.events.count(1, query(20, 90, limit=3)) == 7

    async def test_latest_takes_the_last_in_ascending_order(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(10))
        found = await engine.events.read(1, query(20, 90, limit=3, latest=True))
        assert numbers(found) == [6, 7, 8]
        assert await engine.events.read(1, query(20, 90, limit=0, latest=True)) == []
        assert len(await engine.events.read(1, query(20, 90, latest=True))) == 7

    async def test_latest_counts_ongoing_events_last(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(0, None, {"n": -1}), *numbered(10)])
        found = await engine.events.read(1, query(50, 70, ongoing=True, limit=3, latest=True))
        assert numbers(found) == [-1, 5, 6]

    async def test_after_continues_behind_an_event(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(i // 4, 100, {"n": i}) for i in range(20)])
        found: list[int] = []
        after = None
        while page := await engine.events.read(1, query(1, 4, limit=3, after=after)):
            found += numbers(page)
            after = (page[-1].start_time, page[-1].id)
        assert found == list(range(4, 16))

    async def test_after_pages_through_ongoing_events_too(self, engine: Engine) -> None:
        events = [Event(i, None if i % 3 else 1000, {"n": i}) for i in range(30)]
        await engine.events.write(1, [*events, *(Event(i, i + 1, {"n": -i}) for i in range(30))])
        ongoing = query(25, 28, ongoing=True)
        expected = await engine.events.read(1, ongoing)
        assert len(expected) == 28 + 4  # the short one that ends at 25 counts
        found: list[Event] = []
        after = None
        while page := await engine.events.read(
            1, query(25, 28, ongoing=True, limit=5, after=after)
        ):
            found += page
            after = (page[-1].start_time, page[-1].id)
        assert found == expected

    async def test_a_filter_is_applied_before_the_limit(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(5000))
        odd = where([["odd", "is", "true"]])
        found = await engine.events.read(1, query(100, 49_000, where=odd, limit=3))
        assert numbers(found) == [11, 13, 15]
        last = await engine.events.read(1, query(100, 49_000, where=odd, limit=2, latest=True))
        assert numbers(last) == [4897, 4899]
        assert await engine.events.count(1, query(100, 49_000, where=odd)) == 2445
        rare = where([["n", "eq", 4890]], [["n", "eq", 17]])
        assert numbers(await engine.events.read(1, EventQuery(ALL_TIME, where=rare))) == [17, 4890]
        everything = EventFilter.parse("[[]]")
        assert await engine.events.count(1, EventQuery(ALL_TIME, where=everything)) == 5000

    async def test_a_filter_goes_with_ongoing_and_after(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(i, 1000, {"n": i % 5}) for i in range(50)])
        two = where([["n", "eq", 2]])
        wanted = query(30, 45, ongoing=True, where=two, after=(12, 13), limit=4)
        found = await engine.events.read(1, wanted)
        assert [event.start_time for event in found] == [17, 22, 27, 32]

    async def test_events_as_they_are_stored_are_those_that_are_read(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(0, None, {"n": -1, "é": [None]}), *numbered(5000)])
        odd = where([["odd", "is", "true"]])
        for wanted in (
            ALL,
            query(50, 70, ongoing=True, limit=3, latest=True),
            query(100, 49_000, where=odd, limit=3),
            query(100, 49_000, where=odd, limit=2, latest=True),
            query(30, 45, ongoing=True, after=(30, 5)),
            query(60, 50),
        ):
            texts = await engine.events.read_texts(1, wanted)
            events = [Event(row[0], row[2], json.loads(row[3]), row[1], 1) for row in texts]
            read = await engine.events.read(1, wanted)
            assert list(map(vars, events)) == list(map(vars, read))
