"""Whatever others do to the rows of a stream, no copy of what they were is valid."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np
import pytest

from joule.models.intervals import ALL_TIME
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection.copy_format import time_literal as at
from joule.storage.postgres.tables import compressed_table
from joule.testing.engine_contract.checks import make_rows
from tests.unit.storage.postgres.compressed_kit import check_copies, connect_stranger
from tests.unit.storage.postgres.tables.planted_copies import ROWS, STREAM

if TYPE_CHECKING:
    from asyncpg import Connection

ADDITIONS: Final = {
    "insert": f"INSERT INTO data.stream1 VALUES ({at(55)}, 1)",
    "insert from a query": f"INSERT INTO data.stream1 SELECT {at(55)}, 1",
    "insert in front": f"INSERT INTO data.stream1 VALUES ({at(-5)}, 1)",
    "insert behind": f"INSERT INTO data.stream1 VALUES ({at(5000)}, 1)",
}
CHANGES: Final = {
    **ADDITIONS,
    "update": f"UPDATE data.stream1 SET elem0 = elem0 + 1 WHERE time = {at(50)}",
    "another time": f"UPDATE data.stream1 SET time = {at(51)} WHERE time = {at(50)}",
    "delete": f"DELETE FROM data.stream1 WHERE time = {at(50)}",
    "truncate": "TRUNCATE data.stream1",
    "truncate with others": "TRUNCATE data.stream1_intervals, data.stream1",
    "upsert": f"INSERT INTO data.stream1 VALUES ({at(50)}, 7)"
    " ON CONFLICT (time) DO UPDATE SET elem0 = 7",
    "delete in a query": "WITH gone AS (DELETE FROM data.stream1 RETURNING elem0)"
    " SELECT count(*) FROM gone",
    "delete in a block": "DO $$ BEGIN DELETE FROM data.stream1; END $$",
    "unnoticed by other triggers": "SET session_replication_role = replica;"
    " UPDATE data.stream1 SET elem0 = 7",
    "values exchanged": f"DELETE FROM data.stream1 WHERE time = {at(50)};"
    f" INSERT INTO data.stream1 VALUES ({at(50)}, 7)",
}
UPDATE: Final = CHANGES["update"]


async def version(connection: Connection) -> tuple[int, int]:
    row = await connection.fetchrow("SELECT version, rewritten FROM joule.compressing")
    return row["version"], row["rewritten"]


@pytest.mark.parametrize("change", CHANGES)
async def test_no_copy_is_valid_when_others_changed_rows(
    copied: PostgresEngine, connection: Connection, stranger: Connection, change: str
) -> None:
    assert await check_copies(connection, STREAM) == 10
    await stranger.execute(CHANGES[change])
    assert await check_copies(connection, STREAM) == 0
    await copied.samples.compress()
    is_empty = not await connection.fetchval("SELECT count(*) FROM data.stream1")
    assert (await check_copies(connection, STREAM) > 0) != is_empty


@pytest.mark.parametrize("change", CHANGES)
async def test_what_others_undo_leaves_all_copies_valid(
    copied: PostgresEngine, connection: Connection, stranger: Connection, change: str
) -> None:
    transaction = stranger.transaction()
    await transaction.start()
    await stranger.execute(CHANGES[change])
    await transaction.rollback()
    assert await check_copies(connection, STREAM) == 10
    async with stranger.transaction():
        await stranger.execute("SAVEPOINT a")
        await stranger.execute(CHANGES[change])
        await stranger.execute("ROLLBACK TO a")
    assert await check_copies(connection, STREAM) == 10


async def test_a_copy_by_others_is_noticed(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await stranger.copy_records_to_table("stream1", schema_name="data", records=[(55, 1)])
    assert await check_copies(connection, STREAM) == 0


async def test_a_merge_by_others_is_noticed(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    if connection.get_server_version().major < 15:
        pytest.skip("this server has no MERGE")
    await stranger.execute(
        f"MERGE INTO data.stream1 USING (SELECT {at(50)}) found (place) ON time = place"
        " WHEN MATCHED THEN UPDATE SET elem0 = 7"
    )
    assert await check_copies(connection, STREAM) == 0


async def test_the_version_tells_additions_from_other_changes(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    found = [await version(connection)]
    for name in ("insert", "update", "insert in front", "insert behind", "truncate"):
        await stranger.execute(CHANGES[name])
        found.append(await version(connection))
    assert found == [(0, 0), (1, 0), (2, 2), (3, 2), (4, 2), (5, 5)]


async def test_changes_are_those_of_one_stream(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    other = StreamRef(2, STREAM.layout)
    copied.samples.append(other, make_rows(other.layout, range(20)))
    await copied.samples.commit()
    await copied.samples.compress()
    await stranger.execute(UPDATE)
    assert await check_copies(connection, STREAM) == 0
    assert await check_copies(connection, other) == 2


async def test_a_change_is_one_with_its_transaction(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    """The table tells the same as the copies, before and after, in each snapshot."""
    async with connection.transaction(isolation="repeatable_read"):
        assert await check_copies(connection, STREAM) == 10
        async with stranger.transaction():
            await stranger.execute(UPDATE)
            assert await check_copies(stranger, STREAM) == 0
            assert await check_copies(connection, STREAM) == 10
        assert await check_copies(connection, STREAM) == 10
    assert await check_copies(connection, STREAM) == 0


async def test_who_works_at_the_same_time_is_noticed_too(
    copied: PostgresEngine, connection: Connection, stranger: Connection, postgres_address: str
) -> None:
    second = await connect_stranger(postgres_address)
    async with stranger.transaction():
        await stranger.execute(UPDATE)
        waiting = asyncio.ensure_future(second.execute(CHANGES["delete"]))
    await waiting
    await second.close()
    assert await version(connection) == (2, 2)
    assert await check_copies(connection, STREAM) == 0


# ------------------------------------------------------------------ old snapshots


@pytest.mark.usefixtures("small_copies")
@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
@pytest.mark.parametrize("change", ["insert", "update", "delete", "truncate"])
async def test_a_change_in_a_snapshot_from_before_the_copies_fails(
    stored: PostgresEngine,
    connection: Connection,
    stranger: Connection,
    isolation: str,
    change: str,
) -> None:
    """It does not see what it would have to change for them to be invalid."""
    transaction = stranger.transaction(isolation=isolation)
    await transaction.start()
    assert await stranger.fetchval("SELECT count(*) FROM data.stream1") == 100
    await stored.samples.compress()
    with pytest.raises(asyncpg.SerializationError):
        await stranger.execute(CHANGES[change])
    await transaction.rollback()
    assert await check_copies(connection, STREAM) == 10
    async with stranger.transaction(isolation=isolation):  # as who is told so does
        await stranger.execute(CHANGES[change])
    assert await check_copies(connection, STREAM) == 0


@pytest.mark.usefixtures("small_copies")
async def test_a_change_in_a_transaction_from_before_the_copies_is_noticed(
    stored: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    async with stranger.transaction():
        assert await stranger.fetchval("SELECT count(*) FROM data.stream1") == 100
        await stored.samples.compress()
        await stranger.execute(UPDATE)
    assert await check_copies(connection, STREAM) == 0


@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read", "serializable"])
async def test_copies_made_while_a_change_is_not_committed_yet_are_not_valid_then(
    copied: PostgresEngine, connection: Connection, stranger: Connection, isolation: str
) -> None:
    await copied.samples.delete(STREAM, ALL_TIME)
    copied.samples.append(STREAM, ROWS.copy())
    await copied.samples.commit()
    async with stranger.transaction(isolation=isolation):
        await stranger.execute(UPDATE)
        await copied.samples.compress()
        assert await check_copies(connection, STREAM) == 10
    assert await check_copies(connection, STREAM) == 0


# ------------------------------------------------------------------ who may do what


async def test_who_has_no_right_on_our_schema_is_noticed(
    copied: PostgresEngine, stranger: Connection
) -> None:
    transaction = stranger.transaction()
    await transaction.start()
    await stranger.execute(
        "CREATE ROLE joule_test_nobody; GRANT USAGE ON SCHEMA data TO joule_test_nobody;"
        "GRANT INSERT ON data.stream1 TO joule_test_nobody; SET ROLE joule_test_nobody"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with stranger.transaction():
            await stranger.execute("SELECT FROM joule.compressing")
    await stranger.execute(CHANGES["insert"])
    await stranger.execute("RESET ROLE")
    assert await check_copies(stranger, STREAM) == 0
    await transaction.rollback()  # roles belong to all databases of a server


async def test_what_the_node_does_itself_is_not_counted(
    copied: PostgresEngine, connection: Connection
) -> None:
    for name in ("insert", "update", "delete", "truncate"):
        await connection.execute(CHANGES[name])
    assert await version(connection) == (0, 0)


async def test_what_triggers_of_others_do_for_the_node_is_counted(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await stranger.execute(f"""
        CREATE FUNCTION public.smooth() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN {UPDATE}; RETURN NULL; END $$;
        CREATE TRIGGER smooth AFTER INSERT ON data.stream1 FOR EACH STATEMENT
        EXECUTE FUNCTION public.smooth()
    """)
    await copied.samples.compress()
    assert await check_copies(connection, STREAM) == 10
    copied.samples.append(STREAM, make_rows(STREAM.layout, [1000]))
    await copied.samples.commit()
    assert await check_copies(connection, STREAM) == 0


async def test_a_stream_nobody_makes_copies_of_can_be_changed(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await compressed_table.remove_all(connection)
    await stranger.execute(UPDATE)
    assert await check_copies(connection, STREAM) == 0
    await copied.samples.compress()
    assert await check_copies(connection, STREAM) == 10


async def test_rows_that_others_put_into_an_empty_table_are_copied_when_the_node_knows_them(
    postgres_address: str, small_copies: None, stranger: Connection
) -> None:
    """Otherwise the node's own next rows could lie in the range of a copy."""
    address = Address.parse(postgres_address)
    async with PostgresEngine(address) as engine:
        engine.samples.append(STREAM, ROWS.copy())
    await stranger.execute("TRUNCATE data.stream1")
    async with PostgresEngine(address) as engine:
        await stranger.execute(
            f"INSERT INTO data.stream1 SELECT {at(0)} + n * interval '100 us', 7"
            " FROM generate_series(0, 9) n"
        )
        await engine.samples.compress()
        engine.samples.append(STREAM, make_rows(STREAM.layout, np.arange(205, 400, 10)))
        await engine.samples.commit()
        await engine.samples.compress()
        await check_copies(stranger, STREAM)
