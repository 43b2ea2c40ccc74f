from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.errors import InvalidRequestError
from joule.models.events import Event, EventStream, EventStreamInfo
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval, bounded
from joule.node import Histogram
from joule.node.events import bucket_edges
from joule.storage.interfaces import EventQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.node import LocalNode

ALL = EventQuery(ALL_TIME)


@pytest.fixture
async def happenings(node: LocalNode) -> EventStream:
    return await node.catalog.create_stream(EventStream("ev"), "/a")


async def plant(node: LocalNode, stream: EventStream, times: Iterable[int]) -> list[Event]:
    events = [Event(time, time + 5) for time in times]
    await node.events.write(stream, events)
    return events


def starts(events: list[Event]) -> list[int]:
    return [event.start_time for event in events]


# ------------------------------------------------------------------ writing


async def test_written_events_get_their_ids_and_belong_to_the_stream(
    node: LocalNode, happenings: EventStream
) -> None:
    events = await plant(node, happenings, [10, 20])
    assert [event.id for event in events] == [1, 2]
    assert {event.event_stream_id for event in events} == {happenings.id}


async def test_an_event_of_this_stream_is_replaced_and_one_of_another_stream_is_new(
    node: LocalNode, happenings: EventStream
) -> None:
    (event,) = await plant(node, happenings, [10])
    event.content = {"n": 1}
    await node.events.write(happenings, [event])
    assert await node.events.count(happenings, ALL) == 1
    foreign = Event(30, 40, id=event.id, event_stream_id=happenings.id + 1)
    await node.events.write(happenings, [foreign])
    assert foreign.id != event.id
    assert await node.events.count(happenings, ALL) == 2


async def test_an_event_that_ends_before_it_begins_keeps_all_others_out(
    node: LocalNode, happenings: EventStream
) -> None:
    with pytest.raises(InvalidRequestError, match=r"\(event from 7 to 7\)$"):
        await node.events.write(happenings, [Event(1, 2), Event(7, 7)])
    assert await node.events.count(happenings, ALL) == 0


# ------------------------------------------------------------------ what is stored


async def test_the_info_of_a_stream_tells_bounds_and_number(
    node: LocalNode, happenings: EventStream
) -> None:
    assert await node.events.info(happenings) == EventStreamInfo()
    await plant(node, happenings, [10, 30])
    info = await node.events.info(happenings)
    assert (info.start, info.end, info.event_count, info.total_time) == (10, 35, 2, 25)
    assert await node.events.infos([happenings]) == {happenings.id: info}


async def test_removed_events_are_counted_and_gone(
    node: LocalNode, happenings: EventStream
) -> None:
    await plant(node, happenings, [10, 20, 30])
    assert await node.events.remove(happenings, EventQuery(Interval(15, 25))) == 1
    assert starts(await node.events.read(happenings, ALL)) == [10, 30]


# ------------------------------------------------------------------ some of many


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(None, None, [0, 1, 2]), (4, 9, [4, 5, 6]), (4, None, [4, 5, 6]), (None, 9, [6, 7, 8])],
)
async def test_some_events_are_the_first_or_the_last_before_a_lone_end(
    node: LocalNode,
    happenings: EventStream,
    start: int | None,
    end: int | None,
    expected: list[int],
) -> None:
    await plant(node, happenings, range(10))
    query = EventQuery(bounded(start, end))
    found = await node.events.read_some(happenings, query, 3)
    assert [start for start, *_ in found] == expected


async def test_some_events_behind_another_are_always_the_first_ones(
    node: LocalNode, happenings: EventStream
) -> None:
    events = await plant(node, happenings, [5, 5, 5, 6, 7])
    assert events[1].id is not None
    query = EventQuery(bounded(None, 100))
    found = await node.events.read_some(happenings, query, 2, after=(5, events[1].id))
    assert [event_id for _, event_id, *_ in found] == [3, 4]


async def test_up_to_the_limit_an_overview_is_the_events(
    node: LocalNode, happenings: EventStream
) -> None:
    events = await plant(node, happenings, range(10))
    expected = [(event.start_time, event.id, event.end_time, "{}") for event in events]
    assert await node.events.overview(happenings, ALL, 10) == expected


async def test_above_the_limit_an_overview_counts_the_starts_in_pieces(
    node: LocalNode, happenings: EventStream
) -> None:
    await plant(node, happenings, range(0, 990, 10))
    shown = await node.events.overview(happenings, ALL, 98)
    assert isinstance(shown, Histogram)
    buckets = shown.buckets()
    assert shown.count == sum(count for _, _, count in buckets) == 99
    assert buckets[0][0] <= 0
    assert buckets[-1][1] > 980
    assert all(left[1] == right[0] for left, right in pairwise(buckets))


@given(st.integers(MIN_TIME, MAX_TIME - 1), st.integers(1, 2**40))
def test_about_a_hundred_pieces_cover_the_range(start: int, length: int) -> None:
    span = Interval(start, min(start + length, MAX_TIME))
    edges = bucket_edges(span)
    assert edges[0] <= span.start < span.end <= edges[-1]
    assert 1 <= len(edges) - 1 <= 101
    assert sorted(set(edges)) == edges


def test_edges_lie_at_multiples_of_the_width() -> None:
    edges = bucket_edges(Interval(1005, 10_905))
    assert edges[:2] == [1000, 1100]
    assert all(edge % 100 == 0 for edge in edges)


def test_all_of_time_has_pieces_too() -> None:
    edges = bucket_edges(Interval(MIN_TIME, MAX_TIME))
    assert (edges[0], edges[-1]) == (MIN_TIME, MAX_TIME)
