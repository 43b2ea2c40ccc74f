"""A database with its tables, the ways to it, and small compressed copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection.connecting import connect
from joule.storage.postgres.rows import compressed_copies
from tests.unit.storage.postgres.compressed_kit import connect_stranger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Connection


@pytest.fixture
async def connection(postgres_address: str) -> AsyncIterator[Connection]:
    """A connection to an empty database, as the engine makes them."""
    connection = await connect(Address.parse(postgres_address))
    yield connection
    await connection.close()


@pytest.fixture
async def engine(postgres_address: str) -> AsyncIterator[PostgresEngine]:
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        yield engine


@pytest.fixture
def small_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full copy has ten rows of ``int16_1``."""
    monkeypatch.setattr(compressed_copies, "COPY_BYTES", 100)


@pytest.fixture
async def stranger(postgres_address: str) -> AsyncIterator[Connection]:
    """A connection of another program than a node."""
    connection = await connect_stranger(postgres_address)
    yield connection
    await connection.close()
