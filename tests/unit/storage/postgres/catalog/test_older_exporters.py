from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from joule.models.events import Event
from joule.models.intervals import ALL_TIME, MAX_TIME
from joule.storage.address import Address
from joule.storage.interfaces import EXPORTERS_1_0, EventQuery
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.catalog import schema

if TYPE_CHECKING:
    from asyncpg import Connection

NOON_US = 1_577_880_000_000_000
INSERT = """
INSERT INTO metadata.exporter_state (name, source_type, source_label, state, updated_at)
VALUES ($1, $2, $3, $4::text::json, $5)
"""


async def note(
    connection: Connection, kind: str, label: str | None, state: object, name: str = "daily"
) -> None:
    await connection.execute(INSERT, name, kind, label, json.dumps(state), NOON_US)


@pytest.mark.parametrize("label", ["", None])
async def test_what_exporters_of_joule_1_0_have_sent_is_known(
    postgres_address: str, connection: Connection, label: str | None
) -> None:
    await schema.make(connection, [])
    await connection.execute("DROP SCHEMA joule CASCADE")
    await note(connection, "exporter", label, {"last_timestamp": NOON_US})
    await note(connection, "data", "volts", {"last_timestamp": 101})
    await note(connection, "event", "trips", {"last_timestamp": 51})
    await note(connection, "data", "volts", {"last_timestamp": 7}, "other \u00fc'")
    states: list[object] = [{}, {"last_timestamp": None}, {"last_timestamp": "x"}, [], 5]
    for broken in states:
        await note(connection, "data", "broken", broken)
    expected = {
        "daily": {"exporter": {"": NOON_US}, "data": {"volts": 101}, "event": {"trips": 51}},
        "other \u00fc'": {"data": {"volts": 7}},
    }
    for _ in range(2):
        async with PostgresEngine(Address.parse(postgres_address)) as engine:
            assert await engine.catalog.get_property(EXPORTERS_1_0) == expected
            assert (await engine.catalog.properties())[EXPORTERS_1_0] == expected
    await note(connection, "data", "volts", {"last_timestamp": 8}, "other \u00fc'")
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        found = await engine.catalog.get_property(EXPORTERS_1_0)
    assert found["other \u00fc'"] == {"data": {"volts": 8}}


async def test_a_new_database_knows_of_none(engine: PostgresEngine) -> None:
    assert await engine.catalog.get_property(EXPORTERS_1_0) is None


async def test_a_read_goes_on_behind_all_events_of_a_time(engine: PostgresEngine) -> None:
    await engine.events.write(1, [Event(time, None) for time in (5, 5, 6)])
    found = await engine.events.read(1, EventQuery(ALL_TIME, after=(5, MAX_TIME)))
    assert [event.start_time for event in found] == [6]
