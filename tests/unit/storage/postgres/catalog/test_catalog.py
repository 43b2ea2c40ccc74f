from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.errors import DataError
from joule.storage.interfaces import CatalogChanges, FollowerRecord, Kind
from joule.testing.engine_contract.catalog import (
    EVENTS,
    FOLDER,
    FOLLOWER,
    FULL,
    NOTE,
    ROOT,
    STREAM,
    everything,
)

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine


async def put(engine: PostgresEngine, *records: object) -> None:
    await engine.catalog.apply(CatalogChanges(put=list(records)))  # type: ignore[arg-type]


async def test_records_are_in_the_tables_of_joule_1_0(
    engine: PostgresEngine, connection: Connection
) -> None:
    await put(engine, *everything(FULL))
    stream = await connection.fetchrow("SELECT * FROM metadata.stream")
    assert tuple(stream) == (
        1,
        "aggregate",
        "FLOAT32",
        True,
        False,
        False,
        False,
        -1,
        "",
        2,
        STREAM.updated_at_us,
    )
    element = await connection.fetchrow("SELECT * FROM metadata.element WHERE id = 2")
    assert tuple(element) == (2, 1, "y", "kW", False, "EVENT", -1.5, 0.1, 1e300, -1e-300, 1)
    assert (
        await connection.fetchval("SELECT name FROM metadata.folder WHERE parent_id IS NULL")
        == "root"
    )


async def test_what_we_do_not_use_stays_as_it_is(
    engine: PostgresEngine, connection: Connection
) -> None:
    await put(engine, ROOT, FOLDER, STREAM)
    await connection.execute("UPDATE metadata.stream SET is_source = true, is_destination = NULL")
    await put(engine, replace(STREAM, name="renamed"))
    row = await connection.fetchrow("SELECT name, is_source, is_destination FROM metadata.stream")
    assert tuple(row) == ("renamed", True, None)


async def test_empty_columns_have_a_meaning(engine: PostgresEngine, connection: Connection) -> None:
    await put(engine, ROOT, FOLDER, STREAM, EVENTS, NOTE)
    await connection.execute(
        "UPDATE metadata.stream SET decimate = NULL, keep_us = NULL, is_configured = NULL;"
        "UPDATE metadata.element SET display_type = NULL, name = NULL;"
        "UPDATE metadata.eventstream SET event_fields = NULL, is_configured = NULL,"
        " chunk_duration_us = NULL, keep_us = NULL;"
        "UPDATE metadata.annotation SET title = NULL;"
    )
    found = await engine.catalog.load()
    (stream,), (events,), (note,) = found.data_streams, found.event_streams, found.annotations
    assert (stream.decimate, stream.keep_us, stream.is_configured) == (True, -1, False)
    assert {(e.display_type, e.name) for e in stream.elements} == {("continuous", "")}
    assert (events.event_fields, events.chunk_duration_us, events.keep_us) == ({}, 0, -1)
    assert note.title == ""


@pytest.mark.parametrize("fields", ["null", "{}", '{"a": "numeric"}'])
async def test_event_fields_are_a_dictionary(
    engine: PostgresEngine, connection: Connection, fields: str
) -> None:
    await put(engine, ROOT, FOLDER, EVENTS)
    await connection.execute("UPDATE metadata.eventstream SET event_fields = $1", fields)
    (events,) = (await engine.catalog.load()).event_streams
    assert events.event_fields == ({"a": "numeric"} if "a" in fields else {})


async def test_what_has_no_place_is_left_alone(
    engine: PostgresEngine, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await put(engine, ROOT, FOLDER, STREAM, NOTE)
    await connection.execute("UPDATE metadata.annotation SET stream_id = NULL")
    await connection.execute("UPDATE metadata.stream SET folder_id = NULL")
    found = await engine.catalog.load()
    assert (found.data_streams, found.annotations) == ((), ())
    assert "metadata.stream has no place for row 1" in caplog.text
    assert await connection.fetchval("SELECT count(*) FROM metadata.annotation") == 1


async def test_annotations_go_with_their_stream(
    engine: PostgresEngine, connection: Connection
) -> None:
    await put(engine, ROOT, FOLDER, STREAM, NOTE)
    await engine.catalog.apply(CatalogChanges(delete=[(Kind.DATA_STREAM, STREAM.id)]))
    assert (await engine.catalog.load()).annotations == ()


async def test_a_whole_branch_goes_at_once(engine: PostgresEngine) -> None:
    deeper = replace(FOLDER, id=3, parent_id=2)
    await put(engine, deeper, FOLDER, ROOT, STREAM, EVENTS)
    gone = [(Kind.FOLDER, 2), (Kind.FOLDER, 3), (Kind.DATA_STREAM, 1), (Kind.EVENT_STREAM, 1)]
    await engine.catalog.apply(CatalogChanges(delete=gone))
    assert (await engine.catalog.load()).folders == (ROOT,)


async def test_a_follower_may_take_the_place_of_another(engine: PostgresEngine) -> None:
    other = FollowerRecord(2, "node2", "https://node2:8088", "key2")
    await put(engine, FOLLOWER, other)
    moved = replace(FOLLOWER, location=other.location)
    await engine.catalog.apply(CatalogChanges(put=[moved], delete=[(Kind.FOLLOWER, 2)]))
    assert (await engine.catalog.load()).followers == (moved,)


async def test_ids_come_from_the_sequences_that_joule_1_0_uses(
    engine: PostgresEngine, connection: Connection
) -> None:
    await engine.catalog.allocate(Kind.FOLDER, 5)
    sql = "INSERT INTO metadata.folder (name, updated_at) VALUES ('x', now()) RETURNING id"
    assert await connection.fetchval(sql) == 6
    assert await engine.catalog.allocate(Kind.FOLDER) == range(7, 8)


async def test_what_cannot_be_stored_is_refused_whole(engine: PostgresEngine) -> None:
    await put(engine, ROOT)
    for bad in (
        replace(FOLDER, name="a\0b"),
        replace(FOLDER, updated_at_us=-(2**62)),
    ):
        with pytest.raises(DataError):
            await put(engine, replace(ROOT, name="changed"), bad)
    assert (await engine.catalog.load()).folders == (ROOT,)


async def test_the_uuid_is_that_of_the_node_table(
    engine: PostgresEngine, connection: Connection
) -> None:
    uuid = "5f0c9a52-6f5e-4d4b-9d0e-0b6a1f1f7c22"
    await engine.catalog.set_property("uuid", uuid)
    assert await connection.fetchval("SELECT uuid::text FROM metadata.node") == uuid
