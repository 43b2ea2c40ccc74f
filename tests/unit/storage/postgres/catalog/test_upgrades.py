from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageFormatError
from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.catalog import schema
from joule.storage.postgres.catalog.upgrades import SCHEMA_VERSION

if TYPE_CHECKING:
    from asyncpg import Connection

STAMPS = [("folder", "updated_at"), ("stream", "updated_at"), ("eventstream", "updated_at")]
STAMPS += [("annotation", "start"), ("annotation", "end")]
UUID = "0b1c2d3e-0000-4000-8000-00000000000f"
NOON_US = 1_577_880_000_000_000
"""2020-01-01 12:00 UTC."""


async def made(connection: Connection, version: str | None) -> None:
    """A database as Joule 1.0 leaves it, with one folder and one annotation."""
    await schema.make(connection, [])
    await connection.execute("DROP SCHEMA joule CASCADE")
    await connection.execute(
        "INSERT INTO metadata.node VALUES ($1::text::uuid, 'private', 'public', $2)", UUID, version
    )
    await connection.execute(
        "INSERT INTO metadata.folder VALUES ('root', NULL, 1, NULL, $1)", NOON_US
    )
    await connection.execute(
        "INSERT INTO metadata.stream VALUES "
        "(4, 's', 'INT16', true, true, false, true, -1, '', 1, $1)",
        NOON_US,
    )
    await connection.execute(
        "INSERT INTO metadata.annotation VALUES (1, 'note', NULL, $1, NULL, 4)", NOON_US
    )


async def make_old(connection: Connection, version: str) -> None:
    """The same as a version before 0.11 left it."""
    await made(connection, version)
    for table, column in STAMPS:
        await connection.execute(
            f'ALTER TABLE metadata.{table} ALTER COLUMN "{column}" TYPE timestamp '
            f"USING \"{column}\" AT TIME ZONE 'UTC'"
        )
    await connection.execute("ALTER TABLE metadata.eventstream DROP COLUMN is_configured")


async def node_row(connection: Connection) -> tuple[object, ...]:
    return tuple(
        await connection.fetchrow("SELECT uuid::text, private_key, version FROM metadata.node")
    )


async def test_a_new_database_gets_one_node_which_stays(
    postgres_address: str, connection: Connection
) -> None:
    seen = set()
    for _ in range(2):
        async with PostgresEngine(Address.parse(postgres_address)) as engine:
            seen.add(await engine.catalog.get_property("uuid"))
    ((uuid, _, version),) = {await node_row(connection)}
    assert (seen, version) == ({uuid}, SCHEMA_VERSION)


@pytest.mark.parametrize("version", ["1.0.1", "1.0.2", "1.0.7+3.gabc"])
async def test_a_database_of_joule_1_0_keeps_its_node(
    postgres_address: str, connection: Connection, version: str
) -> None:
    await made(connection, version)
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        assert await engine.catalog.get_property("uuid") == UUID
        (stream,) = (await engine.catalog.load()).data_streams
        assert (stream.id, stream.datatype, stream.updated_at_us) == (4, "int16", NOON_US)
    assert await node_row(connection) == (UUID, "private", version)


@pytest.mark.parametrize("version", ["0.10.3", "0.9", "0+unknown", ""])
async def test_tables_of_older_versions_are_brought_up_to_date(
    postgres_address: str, connection: Connection, version: str
) -> None:
    await make_old(connection, version)
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        (note,) = (await engine.catalog.load()).annotations
    assert note.start == NOON_US
    assert await node_row(connection) == (UUID, "private", SCHEMA_VERSION)
    types = await connection.fetch(
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = 'metadata' "
        "AND (table_name || '.' || column_name) = ANY($1::text[])",
        [f"{table}.{column}" for table, column in STAMPS],
    )
    assert [tuple(row) for row in types] == [("timestamp with time zone",)]
    assert await connection.fetchval("SELECT count(is_configured) FROM metadata.eventstream") == 0


@pytest.mark.parametrize("version", ["1.1", "2.0.0", "10.0.0"])
async def test_a_newer_database_is_refused_and_left_alone(
    postgres_address: str, connection: Connection, version: str
) -> None:
    await made(connection, version)
    text = f"Database version {version} is newer than Joule version .* This is not supported"
    with pytest.raises(StorageFormatError, match=text):
        async with PostgresEngine(Address.parse(postgres_address)):
            pass
    assert await connection.fetchval("SELECT to_regnamespace('joule')") is None


async def test_a_newer_schema_of_ours_is_refused(
    postgres_address: str, connection: Connection
) -> None:
    for _ in range(2):
        async with PostgresEngine(Address.parse(postgres_address)):
            pass
    await connection.execute("COMMENT ON SCHEMA joule IS 'format 2'")
    with pytest.raises(StorageFormatError, match="schema joule has format 2"):
        async with PostgresEngine(Address.parse(postgres_address)):
            pass


async def test_an_upgrade_that_fails_changes_nothing(
    postgres_address: str, connection: Connection
) -> None:
    await make_old(connection, "0.10")
    await connection.execute("DROP TABLE metadata.follower")
    await connection.execute("CREATE VIEW metadata.follower AS SELECT 1 AS id")
    await connection.execute(
        "CREATE VIEW metadata.hold AS SELECT updated_at FROM metadata.eventstream"
    )
    with pytest.raises(Exception, match="used by a view"):
        async with PostgresEngine(Address.parse(postgres_address)):
            pass
    naive = "SELECT pg_typeof(updated_at)::text FROM metadata.folder"
    assert await connection.fetchval(naive) == "timestamp without time zone"
