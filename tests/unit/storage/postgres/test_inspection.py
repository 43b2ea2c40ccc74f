from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageFormatError
from joule.models.access import key_hash
from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.inspection import hide_keys, inspect

if TYPE_CHECKING:
    from asyncpg import Connection

ADD_MASTER = "INSERT INTO metadata.master VALUES (1, 'ann', 'a key in clear text', 'USER', NULL)"


async def test_an_empty_database_has_no_node_and_gets_none(
    postgres_address: str, connection: Connection
) -> None:
    condition = await inspect(Address.parse(postgres_address))
    assert not condition.has_node
    assert not condition.is_in_use
    assert await connection.fetchval("SELECT to_regnamespace('metadata')") is None


async def test_a_node_s_database_is_seen_in_use_and_free(
    postgres_address: str, connection: Connection
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address):
        assert (await inspect(address)).is_in_use
        await connection.execute(ADD_MASTER)
    condition = await inspect(address)
    assert (condition.has_node, condition.is_in_use) == (True, False)
    assert condition.clear_names == ("ann",)
    assert condition.server[0].isdigit()


async def test_keys_can_be_hidden_while_the_node_runs(
    postgres_address: str, connection: Connection
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address):
        await connection.execute(ADD_MASTER)
        await hide_keys(address)
        assert (await inspect(address)).clear_names == ()
    async with PostgresEngine(address) as engine:
        (master,) = (await engine.catalog.load()).masters
        assert master.key_hash == key_hash("a key in clear text")


async def test_a_newer_database_is_refused(postgres_address: str, connection: Connection) -> None:
    async with PostgresEngine(Address.parse(postgres_address)):
        await connection.execute("UPDATE metadata.node SET version = '3.0'")
    with pytest.raises(StorageFormatError, match="is newer than"):
        await inspect(Address.parse(postgres_address))
