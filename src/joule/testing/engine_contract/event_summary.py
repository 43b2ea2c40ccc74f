"""Counts, figures and removal of events."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

from asyncio import TaskGroup
from typing import TYPE_CHECKING

from joule.models.events import Event
from joule.models.intervals import ALL_TIME
from joule.storage.interfaces import EventInfo, EventQuery
from joule.testing.engine_contract.event_kit import ALL, numbered, numbers, query, where

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine, EventStore


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
        assert await engine.events.remove(1, query(0, 90, limit=1, latest=True)) == 1
        assert numbers(await engine.events.read(1, ALL)) == [0, 6]

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
