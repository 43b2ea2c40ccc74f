"""The suite for event stores."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import json
from asyncio import TaskGroup
from typing import TYPE_CHECKING, Any

import pytest

from joule.models.events import Event
from joule.models.filters import EventFilter
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.storage.interfaces import EventInfo, EventQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.storage.interfaces import Engine, EventStore

ALL = EventQuery(ALL_TIME)


def query(start: int, end: int, **options: Any) -> EventQuery:
    """Give a query for ``[start, end)``."""
    return EventQuery(Interval(start, end), **options)


def where(*groups: object) -> EventFilter:
    """Give a filter made of these groups."""
    return EventFilter.parse(json.dumps(groups))


def numbered(count: int, *, step: int = 10, length: int = 5) -> list[Event]:
    """Give events that begin every ``step`` us and carry their number."""
    return [Event(i * step, i * step + length, {"n": i, "odd": i % 2 == 1}) for i in range(count)]


def numbers(events: Sequence[Event]) -> list[int]:
    """Give the numbers that events carry."""
    return [event.content["n"] for event in events]


def saved(start: int, end: int | None, content: dict[str, Any], id_: int) -> Event:
    """Give an event that brings an id along."""
    event = Event(start, end, content)
    event.id = id_
    return event


class EventWritingContract:
    """Events stored, replaced and numbered."""

    async def test_a_stream_without_events_answers_every_question(self, engine: Engine) -> None:
        assert await engine.events.read(1, ALL) == []
        assert await engine.events.count(1, ALL) == 0
        assert await engine.events.histogram(1, ALL, [0, 10, 20]) == [0, 0]
        assert await engine.events.info(1) == EventInfo()
        assert await engine.events.remove(1, ALL) == 0
        assert await engine.events.retain(1, 100) == 0
        await engine.events.drop([1])

    async def test_events_come_back_with_id_and_stream(self, engine: Engine) -> None:
        content = {"text": "ü\u0000\"'\\", "f": 0.1, "i": 2**60, "n": None, "l": [1, {"a": []}]}
        written = [Event(1001, 1_700_000_000_000_001, content), Event(5, None, {}), Event(-7, -6)]
        assert await engine.events.write(4, written) == [1, 2, 3]
        found = await engine.events.read(4, ALL)
        assert found == [written[2], written[1], written[0]]
        assert [event.id for event in found] == [3, 2, 1]
        assert {event.event_stream_id for event in found} == {4}
        assert {event.node_uuid for event in found} == {None}

    async def test_times_may_be_extreme(self, engine: Engine) -> None:
        written = [Event(MIN_TIME, MIN_TIME + 1), Event(0, MAX_TIME), Event(MAX_TIME - 1, MAX_TIME)]
        await engine.events.write(1, written)
        assert await engine.events.read(1, ALL) == written
        assert await engine.events.read(1, query(5, 6, ongoing=True)) == written[1:2]
        info = await engine.events.info(1)
        assert (info.start, info.end) == (MIN_TIME, MAX_TIME)

    async def test_writing_no_events_gives_no_ids(self, engine: Engine) -> None:
        assert await engine.events.write(1, []) == []

    async def test_streams_number_and_keep_their_events_alone(self, engine: Engine) -> None:
        assert await engine.events.write(1, numbered(2)) == [1, 2]
        assert await engine.events.write(2, numbered(3)) == [1, 2, 3]
        assert await engine.events.write(1, numbered(1)) == [3]
        assert await engine.events.count(1, ALL) == 3
        assert await engine.events.remove(2, ALL) == 3
        assert await engine.events.count(1, ALL) == 3

    async def test_an_event_with_a_known_id_is_replaced(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(3))
        assert await engine.events.write(1, [saved(500, None, {"n": 9}, 2)]) == [2]
        assert numbers(await engine.events.read(1, ALL)) == [0, 2, 9]
        assert numbers(await engine.events.read(1, query(0, 15))) == [0]
        assert (await engine.events.info(1)).count == 3

    async def test_an_event_with_an_unknown_id_gets_a_new_one(self, engine: Engine) -> None:
        events = [saved(1, 2, {"n": 0}, 77), Event(3, 4, {"n": 1}), saved(5, 6, {"n": 2}, 3)]
        assert await engine.events.write(1, events) == [2, 1, 3]
        found = await engine.events.read(1, ALL)
        assert [(event.id, event.content["n"]) for event in found] == [(2, 0), (1, 1), (3, 2)]

    async def test_of_two_events_with_one_known_id_the_last_stays(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(1))
        twice = [saved(1, 2, {"n": 1}, 1), saved(3, 4, {"n": 2}, 1)]
        assert await engine.events.write(1, twice) == [1, 1]
        assert await engine.events.read(1, ALL) == twice[1:]

    async def test_ids_are_never_used_again(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(3))
        await engine.events.remove(1, ALL)
        assert await engine.events.write(1, [saved(1, 2, {}, 2)]) == [4]
        await engine.events.retain(1, MAX_TIME)
        assert await engine.events.write(1, numbered(2)) == [5, 6]

    async def test_what_is_handed_in_and_out_is_copied(self, engine: Engine) -> None:
        event = Event(1, 2, {"list": [1]})
        await engine.events.write(1, [event])
        event.content["list"].append(2)
        (found,) = await engine.events.read(1, ALL)
        found.content["list"].append(3)
        found.start_time = 9
        assert await engine.events.read(1, ALL) == [Event(1, 2, {"list": [1]})]
        assert not event.is_saved

    async def test_a_large_batch_comes_back_in_order(self, engine: Engine) -> None:
        events = numbered(5000)
        ids = await engine.events.write(1, events[::-1])
        assert ids == list(range(1, 5001))
        found = await engine.events.read(1, ALL)
        assert numbers(found) == list(range(5000))
        assert [event.id for event in found] == ids[::-1]


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


class EventSummaryContract:
    """Counts, figures and removal."""

    async def test_a_histogram_counts_the_starts_in_each_bucket(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(100))
        edges = [-50, 0, 1, 500, 510, 990, 991, 5000]
        assert await engine.events.histogram(1, ALL, edges) == [0, 1, 49, 1, 48, 1, 0]

    async def test_a_histogram_counts_matching_events_only(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(100))
        odd = query(100, 500, where=where([["odd", "is", "true"]]))
        assert await engine.events.histogram(1, odd, [0, 200, 400, 900]) == [5, 10, 5]

    async def test_a_histogram_of_ongoing_events_counts_starts(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(0, None), Event(50, 60), Event(70, 80)])
        ongoing = query(55, 100, ongoing=True)
        assert await engine.events.histogram(1, ongoing, [0, 55, 100]) == [2, 1]

    async def test_info_gives_first_start_and_largest_end(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(30, 900), Event(10, 20, {"a": 1}), Event(50, None)])
        info = await engine.events.info(1)
        assert (info.count, info.start, info.end) == (3, 10, 900)
        assert info.bytes > 0

    async def test_info_of_open_events_has_no_end(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(30, None)])
        info = await engine.events.info(1)
        assert (info.count, info.start, info.end) == (1, 30, None)

    async def test_info_follows_what_is_removed(self, engine: Engine) -> None:
        await engine.events.write(1, [Event(0, 1000), *numbered(100)])
        await engine.events.remove(1, query(0, 10))
        info = await engine.events.info(1)
        assert (info.count, info.start, info.end) == (99, 10, 995)
        await engine.events.remove(1, ALL)
        assert await engine.events.info(1) == EventInfo()

    async def test_remove_takes_what_matches_and_no_more(self, engine: Engine) -> None:
        await engine.events.write(1, numbered(10))
        assert await engine.events.remove(1, query(20, 40)) == 2
        odd = EventQuery(ALL_TIME, where=where([["odd", "is", "true"]]))
        assert await engine.events.remove(1, odd) == 4
        assert numbers(await engine.events.read(1, ALL)) == [0, 4, 6, 8]
        assert await engine.events.remove(1, query(45, 60, ongoing=True)) == 1
        assert numbers(await engine.events.read(1, ALL)) == [0, 6, 8]

    async def test_retention_removes_events_that_ended(self, engine: Engine) -> None:
        spans = [(0, 99), (0, 100), (0, 101), (0, None), (95, 99), (200, 300)]
        await engine.events.write(1, [Event(s, e, {"n": i}) for i, (s, e) in enumerate(spans)])
        await engine.events.write(2, numbered(3))
        assert await engine.events.retain(1, 100) == 2
        assert numbers(await engine.events.read(1, ALL)) == [1, 2, 3, 5]
        assert await engine.events.retain(1, 100) == 0
        assert await engine.events.count(2, ALL) == 3

    async def test_dropping_streams_removes_their_events_and_no_others(
        self, engine: Engine
    ) -> None:
        for stream_id in (1, 2, 3):
            await engine.events.write(stream_id, numbered(3))
        await engine.events.drop([1, 3, 99])
        assert [await engine.events.count(i, ALL) for i in (1, 2, 3)] == [0, 3, 0]

    async def test_reads_and_writes_may_overlap(self, engine: Engine) -> None:
        async with TaskGroup() as group:
            for number in range(8):
                group.create_task(write_and_read(engine.events, number))
        assert await engine.events.count(1, ALL) == 8 * 200


async def write_and_read(events: EventStore, number: int) -> None:
    """Write a batch and fail unless it can be read at once."""
    batch = [Event(number * 1000 + i, None, {"n": number}) for i in range(200)]
    ids = await events.write(1, batch)
    found = await events.read(1, query(number * 1000, number * 1000 + 200))
    assert found == batch
    assert [event.id for event in found] == ids


class EventStoreContract(EventWritingContract, EventSelectionContract, EventSummaryContract):
    """What every ``EventStore`` does."""
