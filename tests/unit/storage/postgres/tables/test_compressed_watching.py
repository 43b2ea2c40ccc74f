"""The table whose changes are noticed, and copies when it is another one; the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg
import pytest

from joule.errors import StorageError
from joule.storage.postgres.connection.copy_format import time_literal as at
from joule.storage.postgres.tables import compressed_table, seams, totals
from tests.unit.storage.postgres.compressed_kit import check_copies, copies
from tests.unit.storage.postgres.tables.planted_copies import STREAM

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

TRIGGER: Final = """
CREATE TRIGGER joule_compressed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION joule.note_change(1);
ALTER TABLE {table} ENABLE ALWAYS TRIGGER joule_compressed;
"""
OTHER_TABLE: Final = f"""
CREATE TABLE public.other (LIKE data.stream1 INCLUDING ALL);
INSERT INTO public.other SELECT time, 7 FROM data.stream1;
{TRIGGER.format(table="public.other")}
"""
UPDATE: Final = "UPDATE data.stream1 SET elem0 = 7;"

UNNOTICED: Final = {
    "trigger dropped": f"DROP TRIGGER joule_compressed ON data.stream1; {UPDATE}",
    "trigger made again": f"DROP TRIGGER joule_compressed ON data.stream1; {UPDATE}"
    + TRIGGER.format(table="data.stream1"),
    "trigger disabled": f"ALTER TABLE data.stream1 DISABLE TRIGGER joule_compressed; {UPDATE}",
    "trigger disabled for a while": "ALTER TABLE data.stream1 DISABLE TRIGGER joule_compressed;"
    f" {UPDATE} ALTER TABLE data.stream1 ENABLE ALWAYS TRIGGER joule_compressed",
    "all triggers disabled": "ALTER TABLE data.stream1 DISABLE TRIGGER ALL;"
    f" {UPDATE} ALTER TABLE data.stream1 ENABLE TRIGGER ALL",
    "trigger for other sessions only": "ALTER TABLE data.stream1"
    f" ENABLE TRIGGER joule_compressed; SET session_replication_role = replica; {UPDATE}",
    "made anew": "CREATE TEMP TABLE kept AS SELECT time, 7 FROM data.stream1;"
    "DROP TABLE data.stream1; CREATE TABLE data.stream1"
    " (time timestamp NOT NULL PRIMARY KEY, elem0 smallint NOT NULL);"
    "INSERT INTO data.stream1 SELECT * FROM kept",
    "put back from a dump": f"{OTHER_TABLE} DROP TABLE data.stream1;"
    "ALTER TABLE public.other SET SCHEMA data; ALTER TABLE data.other RENAME TO stream1",
    "names exchanged": f"{OTHER_TABLE} ALTER TABLE public.other SET SCHEMA data;"
    "ALTER TABLE data.stream1 RENAME TO before; ALTER TABLE data.other RENAME TO stream1",
    "values computed": "ALTER TABLE data.stream1 ALTER elem0 TYPE smallint USING elem0 / 2",
    "column replaced": "ALTER TABLE data.stream1 DROP elem0;"
    "ALTER TABLE data.stream1 ADD elem0 smallint NOT NULL DEFAULT 7",
    "files made anew": "VACUUM FULL data.stream1",
}
HARMLESS: Final = (
    "ANALYZE data.stream1",
    "VACUUM data.stream1",
    "REINDEX TABLE data.stream1",
    "CREATE INDEX ON data.stream1 (elem0)",
    "GRANT SELECT ON data.stream1 TO PUBLIC",
    "COMMENT ON TABLE data.stream1 IS 'rows'",
    "ALTER TABLE data.stream1 SET (fillfactor = 90)",
)


@pytest.mark.parametrize("change", UNNOTICED)
async def test_no_copy_is_valid_of_a_table_that_is_another_or_was_not_watched(
    copied: PostgresEngine, connection: Connection, stranger: Connection, change: str
) -> None:
    assert await check_copies(connection, STREAM) == 10
    await stranger.execute(UNNOTICED[change])
    assert await check_copies(connection, STREAM) == 0
    await copied.samples.compress()
    assert await check_copies(connection, STREAM) == 10
    await stranger.execute(UPDATE)
    assert await check_copies(connection, STREAM) == 0


@pytest.mark.parametrize("change", HARMLESS)
async def test_what_changes_no_row_leaves_copies_valid(
    copied: PostgresEngine, connection: Connection, stranger: Connection, change: str
) -> None:
    await stranger.execute(change)
    assert await check_copies(connection, STREAM) == 10


async def test_a_table_that_is_away_for_a_while_is_watched_all_the_time(
    copied: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await stranger.execute("ALTER TABLE data.stream1 RENAME TO away")
    query = compressed_table.version_query(1)
    assert await connection.fetchval(query) is None
    await stranger.execute("ALTER TABLE data.away RENAME TO stream1")
    assert await check_copies(connection, STREAM) == 10
    await stranger.execute(f"ALTER TABLE data.stream1 RENAME TO away; {away(UPDATE)}")
    await stranger.execute("ALTER TABLE data.away RENAME TO stream1")
    assert await check_copies(connection, STREAM) == 0


def away(sql: str) -> str:
    return sql.replace("stream1", "away")


@pytest.mark.parametrize(
    "relation",
    [
        "CREATE TABLE public.child () INHERITS (data.stream1);"
        f"INSERT INTO public.child VALUES ({at(55)}, 7)",
        "CREATE TABLE public.parent (time timestamp NOT NULL, elem0 smallint NOT NULL);"
        "ALTER TABLE data.stream1 INHERIT public.parent; UPDATE public.parent SET elem0 = 7",
    ],
)
async def test_rows_that_belong_to_two_tables_are_not_watched(
    copied: PostgresEngine, connection: Connection, stranger: Connection, relation: str
) -> None:
    await stranger.execute(relation)
    assert await check_copies(connection, STREAM) == 0
    async with connection.transaction():
        with pytest.raises(StorageError, match=r"data\.stream1 shares its rows"):
            await compressed_table.watch(connection, 1)


async def test_a_table_is_watched_once(copied: PostgresEngine, connection: Connection) -> None:
    query = "SELECT oid, xmin FROM pg_trigger WHERE tgname = 'joule_compressed'"
    before = await connection.fetch(query)
    await connection.execute("UPDATE joule.compressing SET version = 4")
    await compressed_table.watch(connection, 1)
    assert await connection.fetch(query) == before
    assert await connection.fetchval(compressed_table.version_query(1)) == 4
    assert len(await copies(connection, STREAM)) == 10


async def test_a_table_that_was_not_watched_begins_without_copies(
    copied: PostgresEngine, connection: Connection
) -> None:
    await connection.execute("DROP TRIGGER joule_compressed ON data.stream1")
    await compressed_table.watch(connection, 1)
    assert await copies(connection, STREAM) == []
    assert await connection.fetchval(compressed_table.version_query(1)) == 0


# ------------------------------------------------------------------ the schema


async def test_the_schema_is_made_once(copied: PostgresEngine, connection: Connection) -> None:
    for _ in range(2):
        await connection.execute(compressed_table.SCHEMA)
    assert await check_copies(connection, STREAM) == 10
    storage = "SELECT attstorage FROM pg_attribute WHERE attname = 'data' AND attrelid = {}"
    found = await connection.fetchval(storage.format("'joule.compressed'::regclass"))
    assert found == b"e"


@pytest.mark.parametrize("rights", ["", "USAGE", "USAGE, CREATE"])
async def test_a_role_may_run_the_script_that_may_run_those_of_other_tables(
    engine: PostgresEngine, connection: Connection, rights: str
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("CREATE ROLE joule_test_second")
    await connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA joule TO joule_test_second")
    if rights:
        await connection.execute(f"GRANT {rights} ON SCHEMA joule TO joule_test_second")
    await connection.execute("SET ROLE joule_test_second")
    scripts = (totals.SCHEMA, seams.SCHEMA, compressed_table.SCHEMA)
    found = [await may_run(connection, script) for script in scripts]
    assert found == [rights == "USAGE, CREATE"] * 3
    await transaction.rollback()  # roles belong to all databases of a server


async def may_run(connection: Connection, script: str) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(script)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True
