from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from joule.models.events import Event
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.storage.embedded import event_table, events
from joule.storage.embedded.database import Database
from joule.storage.embedded.event_table import OPEN, PAGE_EVENTS, parts, reach_of
from joule.storage.embedded.event_walk import Walk, texts_of
from joule.storage.interfaces import EventQuery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "joule.db", [events.SCHEMA]) as database:
        yield database


@pytest.mark.parametrize(
    ("length", "reach"),
    [(-5, 0), (0, 0), (1, 1), (15, 1), (16, 2), (255, 2), (256, 3), (2**63 - 1, 16), (2**64, 17)],
)
def test_the_reach_is_the_number_of_hexadecimal_digits(length: int, reach: int) -> None:
    assert reach_of(100, 100 + length) == reach
    assert max(length, 0) < 16**reach


def test_the_longest_event_reaches_less_than_an_open_one() -> None:
    assert reach_of(MIN_TIME, MAX_TIME) < OPEN
    assert reach_of(0, None) == OPEN


def test_a_query_without_ongoing_events_is_one_sweep() -> None:
    (part,) = parts(3, EventQuery(Interval(10, 20)))
    assert (part.stream_id, part.low, part.high) == (3, (10, -1), (20, -1))


def test_a_query_behind_an_event_starts_there() -> None:
    (part,) = parts(3, EventQuery(Interval(10, 20), after=(15, 7)))
    assert part.low == (15, 7)


async def test_ongoing_events_are_searched_for_by_reach_and_start(database: Database) -> None:
    query = EventQuery(Interval(10, 20), ongoing=True)
    source, bindings = parts(1, query)[0].source()
    sql = f"EXPLAIN QUERY PLAN SELECT start, id {source}"
    plan = await database.read(lambda c: [str(row[3]) for row in c.execute(sql, bindings)])
    assert any(
        re.search(r"event_reach \(stream=\? AND reach=\? AND start>\? AND start<\?\)", line)
        for line in plan
    ), plan


async def test_a_walk_takes_small_steps(database: Database) -> None:
    store = events.EmbeddedEvents(database)
    await store.write(1, [Event(i, i + 1) for i in range(2 * PAGE_EVENTS + 5)])
    walk = Walk(1, EventQuery(ALL_TIME), texts_of)
    sizes = []
    while (page := await database.read(walk.step)) is not None:
        sizes.append(len(page))
    assert sizes == [PAGE_EVENTS, PAGE_EVENTS, 5]


@pytest.mark.parametrize("count", [99, 100, 101, 250])
async def test_events_inserted_many_at_a_time_are_those_of_one_after_another(
    database: Database, count: int
) -> None:
    store = events.EmbeddedEvents(database)
    batch = [Event(i, None if i % 3 else i + 9, {"n": i}) for i in range(count)]
    assert await store.write(1, batch) == list(range(1, count + 1))
    for event in batch:
        await store.write(2, [event])
    sql = 'SELECT start, id, "end", reach, content FROM event WHERE stream = ? ORDER BY start'
    one, other = await database.read(lambda c: [c.execute(sql, (s,)).fetchall() for s in (1, 2)])
    assert one == other


async def test_the_totals_are_those_of_the_table(database: Database) -> None:
    store = events.EmbeddedEvents(database)
    await store.write(1, [Event(i, i + 9, {"text": "ü" * (i % 7)}) for i in range(3000)])
    some = await store.read(1, EventQuery(ALL_TIME, limit=50))
    for event in some:
        event.content = {"other": event.id}
    await store.write(1, some)
    await store.remove(1, EventQuery(Interval(100, 2500)))
    await store.retain(1, 60)
    sql = "SELECT count(*), sum(octet_length(content)) FROM event WHERE stream = 1"
    counted = await database.read(lambda c: c.execute(sql).fetchone())
    assert await database.read(lambda c: event_table.total(c, 1)) == (3001, *(counted or ()))


async def test_dropping_a_stream_leaves_no_totals_behind(database: Database) -> None:
    store = events.EmbeddedEvents(database)
    await store.write(1, [Event(i, i + 1) for i in range(PAGE_EVENTS + 1)])
    await store.drop([1, 2])
    sql = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event_total)"
    assert await database.read(lambda c: c.execute(sql).fetchone()) == (0, 0)


async def test_content_that_is_no_json_is_refused_and_changes_nothing(database: Database) -> None:
    store = events.EmbeddedEvents(database)
    await store.write(1, [Event(1, 2)])
    (stored,) = await store.read(1, EventQuery(ALL_TIME))
    stored.content = {"bad": object()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        await store.write(1, [Event(3, 4), stored])
    assert await store.read(1, EventQuery(ALL_TIME)) == [Event(1, 2)]
    assert await store.write(1, [Event(3, 4)]) == [2]
