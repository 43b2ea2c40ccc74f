"""Tables of streams that are gone: dropped now, later, or at the next start."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageError
from joule.models.events import Event
from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import (
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    EventQuery,
    EventStreamRecord,
    FolderRecord,
    Kind,
    StreamRef,
)
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.events import event_table
from joule.storage.postgres.tables import dropping, table_making
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Connection

LAYOUT = Layout("int16", 1)
ELEMENT = ElementRecord(1, 0, "x", None, None, "continuous", 0.0, 1.0, None, None)
FOLDER = FolderRecord(1, "root", None, None, 1)
DATA = DataStreamRecord(2, "a", None, "int16", -1, True, False, 1, 1, (ELEMENT,))
EVENTS = EventStreamRecord(2, "b", None, {}, 0, -1, False, 1, 1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (event_table, table_making):
        monkeypatch.setattr(room, "IMPATIENTLY", "SET LOCAL lock_timeout = '50ms'")


@pytest.fixture
async def address(postgres_address: str) -> Address:
    """A database in which streams 2 of both kinds are, and tables of streams 1 and 3."""
    address = Address.parse(postgres_address)
    async with PostgresEngine(address) as engine:
        await engine.catalog.apply(CatalogChanges(put=[FOLDER, DATA, EVENTS]))
        for number in (1, 2, 3):
            stream = StreamRef(number, LAYOUT)
            engine.samples.append(stream, make_rows(LAYOUT, range(100)))
            await engine.events.write(number, [Event(0, 1)])
    return address


async def tables(connection: Connection) -> set[str]:
    """Give the tables of rows and of events."""
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'data'"
    names = {name for (name,) in await connection.fetch(sql)}
    return {name for name in names if "_" not in name}


@asynccontextmanager
async def read_by_somebody(connection: Connection, numbers: tuple[int, ...]) -> AsyncIterator[None]:
    names = [f"data.stream{n}, data.event{n}" for n in numbers]
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS SHARE MODE")
        yield


async def drop(engine: PostgresEngine, numbers: list[int]) -> None:
    await engine.samples.drop(numbers)
    await engine.events.drop(numbers)


ALL = {f"{kind}{number}" for kind in ("stream", "event") for number in (1, 2, 3)}
OF_1 = {"stream1", "event1"}


async def test_tables_are_dropped_at_once(address: Address, connection: Connection) -> None:
    async with PostgresEngine(address) as engine:
        await drop(engine, [1])
    assert await tables(connection) == ALL - OF_1
    assert await connection.fetch("SELECT * FROM joule.dropping") == []


async def test_tables_that_are_held_go_when_they_are_not(
    address: Address, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async with PostgresEngine(address) as engine:
        async with read_by_somebody(connection, (1,)):
            with caplog.at_level(logging.WARNING):
                await drop(engine, [1])
            assert "the tables of data streams [1] go later" in caplog.text
            assert "the tables of event streams [1] go later" in caplog.text
            await engine.maintain()
            assert await tables(connection) == ALL
        await engine.maintain()
        assert await tables(connection) == ALL - OF_1
        assert await connection.fetch("SELECT * FROM joule.dropping") == []


async def test_tables_that_are_held_keep_only_those_dropped_with_them(
    address: Address, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropping, "DROPPED_AT_ONCE", 1)
    async with PostgresEngine(address) as engine, read_by_somebody(connection, (1,)):
        await drop(engine, [1, 3])
        assert await tables(connection) == ALL - {"stream3", "event3"}


async def test_a_node_that_stopped_drops_them_at_its_next_start(
    address: Address, connection: Connection
) -> None:
    async with read_by_somebody(connection, (1,)):
        async with PostgresEngine(address) as engine:
            await drop(engine, [1])
        async with PostgresEngine(address) as engine:
            await engine.maintain()
        assert await tables(connection) == ALL
    async with PostgresEngine(address) as engine:
        await engine.maintain()
        assert await tables(connection) == ALL - OF_1
        assert await connection.fetch("SELECT * FROM joule.dropping") == []


async def test_nothing_is_dropped_for_its_name_alone(
    address: Address, connection: Connection
) -> None:
    """Streams 1 and 3 are not in the catalog; who left their tables there is not known."""
    async with PostgresEngine(address) as engine:
        await engine.maintain()
    assert await tables(connection) == ALL


async def test_a_stream_that_the_catalog_has_again_is_left_alone(
    address: Address, connection: Connection
) -> None:
    """A backup of the metadata was put back after the stream was deleted."""
    async with read_by_somebody(connection, (2,)), PostgresEngine(address) as engine:
        changes = [(Kind.DATA_STREAM, DATA.id), (Kind.EVENT_STREAM, EVENTS.id)]
        await engine.catalog.apply(CatalogChanges(delete=changes))
        await drop(engine, [2])
        await engine.catalog.apply(CatalogChanges(put=[DATA, EVENTS]))
    async with PostgresEngine(address) as engine:
        await engine.maintain()
        assert await engine.events.count(2, EventQuery(ALL_TIME)) == 1
        assert (await engine.samples.info(StreamRef(2, LAYOUT))).rows == 100
    assert await tables(connection) == ALL


async def test_what_fails_otherwise_is_an_error_and_tried_again(
    address: Address, connection: Connection
) -> None:
    async with PostgresEngine(address) as engine:
        await connection.execute("CREATE VIEW public.looking AS SELECT * FROM data.event1")
        with pytest.raises(StorageError, match="other objects depend on it"):
            await engine.events.drop([1])
        await connection.execute("DROP VIEW public.looking")
        await engine.maintain()
    assert await tables(connection) == ALL - {"event1"}
