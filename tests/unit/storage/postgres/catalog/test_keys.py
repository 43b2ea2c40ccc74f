from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from joule.models.access import key_hash
from joule.storage.address import Address
from joule.storage.interfaces import CatalogChanges, Kind, MasterRecord
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.catalog import keys

if TYPE_CHECKING:
    from asyncpg import Connection

OLD_KEY = "0123456789abcdef0123456789abcdef ü"
NEW = MasterRecord(7, "new", "USER", key_hash("a new key"), "read", None)


@pytest.fixture
async def old_master(engine: PostgresEngine, connection: Connection) -> MasterRecord:
    """A master with a key in clear text, as Joule 1.0 leaves them."""
    await _add(connection, 3, OLD_KEY)
    return MasterRecord(3, "old", "USER", key_hash(OLD_KEY), "admin", None)


async def _add(connection: Connection, id_: int, key: str) -> None:
    await connection.execute(
        "INSERT INTO metadata.master VALUES ($1, 'old', $2, 'USER', NULL)", id_, key
    )


async def _masters(connection: Connection) -> tuple[MasterRecord, ...]:
    await keys.adopt(connection)
    return await keys.load_masters(connection)


async def _column(connection: Connection, id_: int) -> object:
    return await connection.fetchval("SELECT key FROM metadata.master WHERE id = $1", id_)


async def test_a_key_in_clear_text_is_adopted_and_left_for_joule_1_0(
    connection: Connection, old_master: MasterRecord
) -> None:
    assert await _masters(connection) == (old_master,)
    assert await _column(connection, 3) == OLD_KEY


async def test_a_new_master_has_no_key_in_the_database(
    engine: PostgresEngine, connection: Connection
) -> None:
    await engine.catalog.apply(CatalogChanges(put=[NEW]))
    assert await _column(connection, 7) == f"sha256:{NEW.key_hash.hex()}"
    assert await _masters(connection) == (NEW,)


async def test_an_edit_leaves_the_clear_text_and_another_key_replaces_it(
    engine: PostgresEngine, connection: Connection, old_master: MasterRecord
) -> None:
    renamed = replace(old_master, name="renamed", scope="write")
    await engine.catalog.apply(CatalogChanges(put=[renamed]))
    assert await _column(connection, 3) == OLD_KEY
    assert await _masters(connection) == (renamed,)
    other = replace(renamed, key_hash=key_hash("another key"))
    await engine.catalog.apply(CatalogChanges(put=[other]))
    assert await _column(connection, 3) == f"sha256:{other.key_hash.hex()}"


async def test_a_key_that_joule_1_0_has_changed_counts(
    connection: Connection, old_master: MasterRecord
) -> None:
    await _masters(connection)
    await connection.execute("UPDATE metadata.master SET key = 'changed meanwhile' WHERE id = 3")
    assert [m.key_hash for m in await _masters(connection)] == [key_hash("changed meanwhile")]


async def test_a_master_that_joule_1_0_has_removed_is_gone(
    connection: Connection, old_master: MasterRecord
) -> None:
    await _masters(connection)
    await connection.execute("DELETE FROM metadata.master")
    assert await _masters(connection) == ()
    assert await connection.fetchval("SELECT count(*) FROM joule.master_access") == 0


async def test_hiding_replaces_the_clear_text_for_good(
    engine: PostgresEngine, connection: Connection, old_master: MasterRecord
) -> None:
    await engine.catalog.apply(CatalogChanges(put=[NEW]))
    before = await _masters(connection)
    assert await keys.clear_names(connection) == ["old"]
    await keys.hide(connection)
    assert await keys.clear_names(connection) == []
    assert await _column(connection, 3) == f"sha256:{old_master.key_hash.hex()}"
    assert await _masters(connection) == before


async def test_those_that_a_removed_master_added_stay(
    engine: PostgresEngine, connection: Connection
) -> None:
    child = replace(NEW, id=8, name="child", key_hash=key_hash("child"), grantor_id=7)
    await engine.catalog.apply(CatalogChanges(put=[child, NEW]))
    await engine.catalog.apply(CatalogChanges(delete=[(Kind.MASTER, 7)]))
    assert await _masters(connection) == (replace(child, grantor_id=None),)


async def test_masters_of_joule_1_0_are_there_when_the_database_is_opened(
    postgres_address: str, connection: Connection
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address):
        pass
    await _add(connection, 1, OLD_KEY)
    async with PostgresEngine(address) as engine:
        (master,) = (await engine.catalog.load()).masters
    assert (master.key_hash, master.scope) == (key_hash(OLD_KEY), "admin")
