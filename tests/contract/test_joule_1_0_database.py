"""A database that Joule 1.0.1 has written: all of it is there, and what we add is to its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from joule.models.events import Event
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.node import LocalNode
from joule.storage.address import Address
from joule.storage.interfaces import EventQuery, StreamRef
from joule.storage.postgres import PostgresEngine
from joule.testing.engine_contract.checks import check_groups, check_stream, make_rows, read_runs
from tests.joule_1_0 import content
from tests.joule_1_0.content import START_US, STREAMS, OldStream
from tests.joule_1_0.database import VERSIONS, load
from tests.joule_1_0.rules import Rules
from tests.unit.node.support import make_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.layout import Rows

WHOLE_LEVELS = tuple(
    stream for stream in STREAMS if not stream.then and stream.path.startswith(("/types", "/many"))
)
"""Streams that were written in order alone: their groups are as they ought to be."""

JOINED_SESSIONS = (content.APPENDED, content.JOINED)
"""Streams with rows inside an interval that Joule 1.0 has left out of all groups."""


@pytest.fixture
def old_database(postgres_address: str) -> str:
    load(postgres_address)
    return postgres_address


@pytest.fixture
async def node(old_database: str) -> AsyncIterator[LocalNode]:
    async with (
        PostgresEngine(Address.parse(old_database)) as engine,
        await LocalNode.open(engine, "n") as node,
    ):
        yield node


def ref(node: LocalNode, stream: OldStream) -> StreamRef:
    found = node.catalog.data_stream(stream.path)
    return StreamRef(found.id, stream.layout, found.decimate)


def id_of(stream: OldStream) -> int:
    """Joule 1.0 numbered them in the order in which they were made."""
    return 1 + STREAMS.index(stream)


# ------------------------------------------------------------------ what is there


@pytest.mark.parametrize("version", VERSIONS)
async def test_everything_of_every_version_is_there(postgres_address: str, version: str) -> None:
    load(postgres_address, version)
    with psycopg.connect(postgres_address) as connection:
        uuid = connection.execute("SELECT uuid::text FROM metadata.node").fetchone()
    async with (
        PostgresEngine(Address.parse(postgres_address)) as engine,
        await LocalNode.open(engine, "n") as node,
    ):
        assert (str(node.uuid),) == uuid
        for stream in STREAMS:
            found = node.catalog.data_stream(stream.path)
            assert found.layout == str(stream.layout)
            assert (found.decimate, found.keep_us) == (stream.decimate, stream.keep_us)
            assert [element.units for element in found.elements] == ["V"] * stream.layout.width
            runs, _ = await read_runs(engine.samples, ref(node, stream))
            assert [run.tobytes() for run in runs] == [run.tobytes() for run in stream.intervals]
        for path, (fields, _, events) in content.EVENTS.items():
            events_stream = node.catalog.event_stream(path)
            assert events_stream.event_fields == fields
            stored = await engine.events.read(events_stream.id, EventQuery(ALL_TIME))
            assert [(e.start_time, e.end_time, e.content) for e in stored] == events
    with Rules(postgres_address) as rules:
        rules.check_form({id_of(stream): stream.layout for stream in STREAMS})


async def test_each_of_its_streams_answers_every_question(node: LocalNode) -> None:
    for stream in STREAMS:
        if stream not in JOINED_SESSIONS:
            await check_stream(node.engine.samples, ref(node, stream), stream.intervals, levels=())


@pytest.mark.parametrize("stream", JOINED_SESSIONS, ids=lambda stream: stream.path)
async def test_sessions_that_it_joined_are_counted_as_what_they_are(
    node: LocalNode, stream: OldStream
) -> None:
    await check_stream(node.engine.samples, ref(node, stream), stream.intervals)


@pytest.mark.parametrize("stream", WHOLE_LEVELS, ids=lambda stream: stream.path)
async def test_its_groups_are_used_and_their_edges_are_exact(
    node: LocalNode, stream: OldStream
) -> None:
    ours, samples = ref(node, stream), node.engine.samples
    first = stream.intervals[0]
    for level in (4, 16, 64, 256, 1024):
        await check_groups(samples, ours, stream.intervals, level)
        for start, end in ((1, len(first) - 1), (5, len(first) - 22), (17, 18)):
            part = first[start:end]
            interval = Interval(int(part["timestamp"][0]), int(part["timestamp"][-1]) + 1)
            await check_groups(samples, ours, [part], level, interval)


async def test_its_users_keep_their_keys_and_followers_stay(
    node: LocalNode, old_database: str
) -> None:
    with psycopg.connect(old_database) as connection:
        masters = connection.execute("SELECT name, key FROM metadata.master").fetchall()
    assert {name for name, _ in masters} == {"tester", content.FRIEND}
    for name, key in masters:
        owner = node.access.authorise(key)
        assert owner is not None
        assert owner.name == name
    assert [follower.name for follower in (await node.engine.catalog.load()).followers] == [
        "neighbour"
    ]


async def test_its_annotations_are_there(node: LocalNode) -> None:
    notes = (await node.engine.catalog.load()).annotations
    paths = {
        node.catalog.data_stream(path).id: path for path in {note[0] for note in content.NOTES}
    }
    found = {(paths[n.stream_id], n.title, n.content or "", n.start, n.end) for n in notes}
    assert found == set(content.NOTES)


# ------------------------------------------------------------------ what we add to it


async def test_rows_behind_its_last_ones_and_new_streams_follow_its_rules(
    node: LocalNode, old_database: str
) -> None:
    expected: dict[int, list[Rows]] = {}
    for stream in STREAMS:
        more = stream.rows(range(20_000, 20_100))
        expected[id_of(stream)] = await append(node, ref(node, stream), [more], stream.intervals)
    layouts = {id_of(stream): stream.layout for stream in STREAMS}
    for datatype in content.DATATYPES:
        layout = Layout(datatype, 3)
        new = await node.catalog.create_stream(make_stream(f"new_{datatype}", layout), "/new")
        layouts[new.id] = layout
        runs = [
            make_rows(layout, range(START_US + at, START_US + at + 9 * n, 9))
            for at, n in ((0, 1), (100, 1400), (20_000, 3), (50_000, 4), (90_000, 257))
        ]
        await append(node, StreamRef(new.id, layout), runs, [])
        expected[new.id] = runs
    with Rules(old_database) as rules:
        rules.check_form(layouts)
        for stream_id, intervals in expected.items():
            rules.check_rows(stream_id, intervals)
            if stream_id > len(STREAMS) or STREAMS[stream_id - 1] in WHOLE_LEVELS:
                rules.check_levels(stream_id, intervals)


async def append(
    node: LocalNode, stream: StreamRef, runs: list[Rows], before: list[Rows]
) -> list[Rows]:
    """Append intervals in pieces of some rows, with commits in between; gives all there are."""
    for run in runs:
        for at in range(0, len(run), 100):
            piece = run[at : at + 100].copy()
            node.engine.samples.append(stream, piece, starts_interval=at == 0)
            await node.engine.samples.commit()
    return [*before, *runs]


async def test_late_rows_deletions_and_joins_leave_its_rules_in_force(
    node: LocalNode, old_database: str
) -> None:
    samples = node.engine.samples
    stream = content.TYPES[0]
    ours = ref(node, stream)
    first, _, last = stream.intervals
    await samples.insert(
        ours, stream.rows(range(500, 900)), starts_interval=True, ends_interval=True
    )
    await samples.insert(
        ours, stream.rows(range(2007, 2050)), starts_interval=False, ends_interval=True
    )
    await samples.delete(ours, Interval(int(first["timestamp"][100]), int(first["timestamp"][150])))
    await samples.consolidate(ours, Interval(int(last["timestamp"][0]) - 7_000_000, 2**62), 10**7)
    expected = [
        stream.rows(range(100)),
        stream.rows(range(150, 300)),
        stream.rows(range(500, 900)),
        stream.rows((*range(2000, 2050), *range(9000, 9100))),
    ]
    await check_stream(samples, ours, expected)
    with Rules(old_database) as rules:
        rules.check_rows(ours.id, expected)
        rules.check_edited_levels(ours.id, expected)


async def test_keys_stay_readable_for_joule_1_0(node: LocalNode, old_database: str) -> None:
    def keys() -> dict[str, str]:
        with psycopg.connect(old_database) as connection:
            found = connection.execute("SELECT name, key FROM metadata.master")
            return dict(found.fetchall())

    before = keys()
    await node.access.add_user("another")
    await node.catalog.create_stream(make_stream("more"), "/more")
    after = keys()
    assert before.items() <= after.items()
    assert after["another"].startswith("sha256:")


async def test_new_things_get_numbers_that_are_free(node: LocalNode) -> None:
    made = await node.catalog.create_stream(make_stream("more"), "/more")
    assert made.id == 1 + len(STREAMS)
    events = node.catalog.event_stream("/events/plain")
    [number] = await node.engine.events.write(events.id, [Event(START_US, START_US + 5)])
    assert number == 1 + len(content.PLAIN_EVENTS)
