"""A database with its tables, and the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection.connecting import connect

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
