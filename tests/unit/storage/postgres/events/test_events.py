from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from joule.errors import InvalidRequestError
from joule.models.events import Event
from joule.models.filters import EventFilter
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.storage.interfaces import (
    CatalogChanges,
    EventInfo,
    EventQuery,
    EventStreamRecord,
    FolderRecord,
)
from joule.storage.memory.events import MemoryEvents
from joule.storage.postgres.connection.times import FIRST_US
from joule.storage.postgres.events import events
from joule.storage.postgres.events.event_content import MARK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.storage.postgres import PostgresEngine
    from joule.storage.postgres.events.events import PostgresEvents

ALL = EventQuery(ALL_TIME)
NOW = 1_700_000_000_000_000
HOUR_US = 3_600_000_000


@pytest.fixture
def store(engine: PostgresEngine) -> PostgresEvents:
    events: PostgresEvents = engine.events
    return events


@pytest.fixture
async def plain(postgres_address: str, engine: PostgresEngine) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else, in a database that is set up."""
    connection = await asyncpg.connect(postgres_address)
    yield connection
    await connection.close()


# ------------------------------------------------------------------ the table


async def test_the_table_is_that_of_joule_1_0(
    store: PostgresEvents, plain: asyncpg.Connection
) -> None:
    await store.write(7, [Event(NOW, NOW + 1, {"a": 1}), Event(NOW, None)])
    columns = await plain.fetch(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'data' AND table_name = 'event7' ORDER BY ordinal_position"
    )
    assert [tuple(column) for column in columns] == [
        ("id", "integer", "NO"),
        ("start_time", "timestamp without time zone", "NO"),
        ("end_time", "timestamp without time zone", "NO"),
        ("content", "jsonb", "YES"),
    ]
    assert await plain.fetchval("SELECT last_value FROM data.event7_id_seq") == 2
    rows = await plain.fetch(
        "SELECT id, extract(epoch FROM start_time)::text, end_time = 'infinity', content::text "
        "FROM data.event7 ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        (1, "1700000000.000000", False, '{"a": 1}'),
        (2, "1700000000.000000", True, "{}"),
    ]


async def test_a_table_that_joule_1_0_made_is_read_and_written(
    store: PostgresEvents, plain: asyncpg.Connection
) -> None:
    await plain.execute(
        """
        CREATE TABLE data.event3 (
            id SERIAL, start_time TIMESTAMP NOT NULL, end_time TIMESTAMP NOT NULL, content JSONB
        );
        CREATE INDEX some_name ON data.event3 (start_time, end_time);
        INSERT INTO data.event3 VALUES (70, '2023-11-14 22:13:20', '2023-11-14 22:13:21', NULL);
        """
    )
    assert await store.read(3, ALL) == [Event(NOW, NOW + 1_000_000)]
    old = (await store.read(3, ALL))[0]
    assert await store.write(3, [Event(NOW + 5, None, {"new": 1})]) == [71]
    old.content = {"changed": True}
    assert await store.write(3, [old]) == [70]
    assert [event.content for event in await store.read(3, ALL)] == [{"changed": True}, {"new": 1}]


@pytest.mark.parametrize(
    ("chunk_us", "made"), [(0, []), (5 * HOUR_US, [("data.event1", 5 * HOUR_US)])]
)
async def test_a_stream_with_chunks_has_a_hypertable_where_that_is_possible(
    engine: PostgresEngine, plain: asyncpg.Connection, chunk_us: int, made: list[tuple[str, int]]
) -> None:
    # Functions of the same names stand in for TimescaleDB, which is not at hand.
    await plain.execute(
        """
        CREATE TABLE made (name text, chunk bigint);
        CREATE FUNCTION create_hypertable(
            regclass, name, chunk_time_interval bigint, if_not_exists boolean
        ) RETURNS void LANGUAGE sql
        AS $$ INSERT INTO made VALUES ($1::text, chunk_time_interval) $$;
        CREATE FUNCTION hypertable_size(regclass) RETURNS bigint LANGUAGE sql
        AS $$ SELECT chunk + 1 FROM made $$
        """
    )
    engine._server.has_timescale = True
    root = FolderRecord(1, "root", None, None, 1)
    stream = EventStreamRecord(1, "events", None, {}, chunk_us, -1, False, 1, 1)
    await engine.catalog.apply(CatalogChanges(put=[root, stream]))
    await engine.events.write(1, [Event(NOW, None)])
    await engine.events.write(1, [Event(NOW, None)])
    assert [tuple(row) for row in await plain.fetch("SELECT * FROM made")] == made
    size = (await engine.events.info(1)).bytes
    assert size == chunk_us + 1 if made else size > 8192


async def test_nothing_is_made_by_asking(store: PostgresEvents, plain: asyncpg.Connection) -> None:
    assert await store.read(5, ALL) == []
    assert await store.info(5) == EventInfo()
    assert await store.remove(5, ALL) == 0
    assert await plain.fetchval("SELECT to_regclass('data.event5')") is None


# ------------------------------------------------------------------ contents


CONTENTS: list[dict[str, Any]] = [
    {"nul": "a\0b", "\0": 1},
    {"mark": f"{MARK}000000", "half": "\ud800"},
    {"large": 1e300, "whole": 10**40, "small": 5e-324, "sixteen": 1e16},
    {"nested": {"\0": ["\0", {"b": [1.5, None, True]}]}, "empty": {}},
]


async def test_contents_that_jsonb_does_not_have_come_back(store: PostgresEvents) -> None:
    await store.write(1, [Event(i, None, content) for i, content in enumerate(CONTENTS)])
    assert [event.content for event in await store.read(1, ALL)] == CONTENTS
    texts = [json.loads(row[3]) for row in await store.read_texts(1, ALL)]
    assert texts == CONTENTS
    assert isinstance(texts[2]["sixteen"], float)


async def test_an_event_that_is_refused_is_named_and_nothing_is_stored(
    store: PostgresEvents, plain: asyncpg.Connection
) -> None:
    await store.write(1, [Event(0, None)])
    # A content of more than 256 MB, the one thing left that jsonb refuses, would take long.
    await plain.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE 'too large' USING ERRCODE = 'program_limit_exceeded'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON data.event1
        FOR EACH ROW WHEN (NEW.content @> '{"n": 4}') EXECUTE FUNCTION refuse()
        """
    )
    with pytest.raises(InvalidRequestError, match=f"the event at {NOW + 4}: too large"):
        await store.write(1, [Event(NOW + i, None, {"n": i}) for i in range(10)])
    assert await store.count(1, ALL) == 1
    assert await store.write(1, [Event(5, None)]) == [12]


async def test_an_event_before_the_first_day_is_refused(store: PostgresEvents) -> None:
    with pytest.raises(InvalidRequestError, match="4713 BC"):
        await store.write(1, [Event(NOW, None), Event(FIRST_US - 1, None)])
    assert await store.info(1) == EventInfo()
    await store.write(1, [Event(FIRST_US, MAX_TIME, {"n": 1})])
    everything = EventQuery(Interval(MIN_TIME, MAX_TIME), ongoing=True)
    assert [event.content for event in await store.read(1, everything)] == [{"n": 1}]
    assert await store.count(1, EventQuery(Interval(MIN_TIME, FIRST_US))) == 0


# ------------------------------------------------------------------ filters


FIELDS: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 0.1, 0.30000000000000004, 2**53 + 1, 1e300, 10**18),
    *(
        "",
        "1",
        "01",
        " 1 ",
        "1e0",
        "nan",
        "inf",
        "true",
        "a",
        "ab",
        "a%",
        "A",
        "ü",
        "a\0",
        "\ud800",
    ),
    *([], [1], {"a": 1.50}, "a\\", "_", f"{MARK}", "1_0", chr(0x661)),
]
NUMERIC = ["gt", "gte", "lt", "lte", "eq", "neq"]
LIMITS = [0, 1, "1", 0.1, 0.3, 2**53, 1e300, "1e400", "-1", "nan", 10**18 + 1]
TEXTUAL = ["is", "not", "like", "unlike"]
TEXTS = [
    "",
    "1",
    "a",
    "a%",
    "%a%",
    "_",
    "a\\%",
    "a\\",
    "true",
    "ü",
    "a\0",
    "[1]",
    '{"a": 1.5}',
    "%",
]
CLAUSES = [["k", name, value] for name in NUMERIC for value in LIMITS] + [
    ["k", name, value] for name in TEXTUAL for value in TEXTS
]


async def test_every_clause_means_what_the_filter_says(store: PostgresEvents) -> None:
    contents: list[dict[str, Any]] = [{"k": field} for field in FIELDS]
    contents += [{}, {"other": 1}]
    await store.write(1, [Event(i, None, content) for i, content in enumerate(contents)])
    for clause in CLAUSES:
        where = EventFilter.parse(json.dumps([[clause]]))
        expected = [i for i, content in enumerate(contents) if where.matches(content)]
        query = EventQuery(ALL_TIME, where=where)
        assert [row[0] for row in await store.read_texts(1, query)] == expected, clause
        assert await store.count(1, query) == len(expected)


# ------------------------------------------------------------------ against the reference


def some_query(draw: random.Random) -> EventQuery:
    bounds = [NOW + draw.randrange(-50, 5000) * HOUR_US for _ in range(2)]
    interval = draw.choice([ALL_TIME, Interval(min(bounds), max(bounds)), Interval(*bounds)])
    where = EventFilter.parse(json.dumps([[["n", "gt", draw.randrange(3)]]]))
    return EventQuery(
        interval,
        ongoing=draw.random() < 0.6,
        where=draw.choice([None, where]),
        limit=draw.choice([None, None, 0, 3, 40]),
        latest=draw.random() < 0.3,
        after=draw.choice([None, None, (bounds[0], draw.randrange(300))]),
    )


@pytest.mark.parametrize("seed", range(3))
async def test_answers_are_those_of_the_memory_engine(
    store: PostgresEvents, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "REMOVED_EVENTS", 7)
    draw, model = random.Random(seed), MemoryEvents()
    lengths = [1, HOUR_US - 1, HOUR_US, HOUR_US + 1, 768 * HOUR_US, 769 * HOUR_US, 4000 * HOUR_US]
    for _ in range(300 // 50):
        batch = []
        for _ in range(50):
            start = NOW + draw.randrange(4000) * HOUR_US
            end = None if draw.random() < 0.1 else start + draw.choice(lengths)
            batch.append(Event(start, end, {"n": draw.randrange(4)}))
        assert await store.write(1, batch) == await model.write(1, batch)
    edges = [NOW + i * 500 * HOUR_US for i in range(-1, 9)]
    for _ in range(60):
        query = some_query(draw)
        assert list(map(vars, await store.read(1, query))) == list(
            map(vars, await model.read(1, query))
        ), query
        assert await store.count(1, query) == await model.count(1, query), query
        assert await store.histogram(1, query, edges) == await model.histogram(1, query, edges)
        if draw.random() < 0.1 and query.interval != ALL_TIME:
            assert await store.remove(1, query) == await model.remove(1, query), query
        found, expected = await store.info(1), await model.info(1)
        assert (found.count, found.start, found.end) == (
            expected.count,
            expected.start,
            expected.end,
        )
    before = NOW + 2000 * HOUR_US
    assert await store.retain(1, before) == await model.retain(1, before)


# ------------------------------------------------------------------ figures


async def test_figures_follow_what_is_written_between_two_questions(store: PostgresEvents) -> None:
    assert await store.info(1) == EventInfo()
    await store.write(1, [Event(10, 20), Event(30, None)])
    assert (await store.info(1)).count == 2
    ids = await store.write(1, [Event(5, 25)])
    info = await store.info(1)
    assert (info.count, info.start, info.end) == (3, 5, 25)
    replaced = Event(50, 60)
    replaced.id = ids[0]
    await store.write(1, [replaced])
    info = await store.info(1)
    assert (info.count, info.start, info.end) == (3, 10, 60)
    await store.drop([1])
    assert await store.info(1) == EventInfo()


async def test_who_waits_to_write_to_a_stream_keeps_nobody_else_waiting(
    engine: PostgresEngine, plain: asyncpg.Connection
) -> None:
    store = engine.events
    await store.write(1, [Event(0, 1)])
    async with plain.transaction():
        await plain.execute("LOCK TABLE data.event1 IN EXCLUSIVE MODE")
        writes = [asyncio.create_task(store.write(1, [Event(i, i + 1)])) for i in range(20)]
        await asyncio.sleep(0.1)
        await engine.catalog.set_property("name", "value")
        assert await store.count(1, ALL) == 1
        assert not any(write.done() for write in writes)
    await asyncio.gather(*writes)
    assert await store.count(1, ALL) == 21


async def test_a_table_that_somebody_reads_is_not_waited_for_to_be_dropped(
    engine: PostgresEngine, plain: asyncpg.Connection
) -> None:
    await engine.events.write(1, [Event(0, 1)])
    async with plain.transaction():
        await plain.execute("LOCK TABLE data.event1 IN ACCESS SHARE MODE")
        await engine.events.drop([1])
        await engine.maintain()
    there = "SELECT to_regclass('data.event1') IS NOT NULL"
    assert await plain.fetchval(there)
    await engine.maintain()
    assert not await plain.fetchval(there)
