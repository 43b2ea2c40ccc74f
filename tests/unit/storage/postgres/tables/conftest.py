"""Compressed copies, and somebody else who uses the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.postgres.rows.compressed_copies import encode
from joule.storage.postgres.tables import compressed_table
from tests.unit.storage.postgres.compressed_kit import check_copies
from tests.unit.storage.postgres.tables.planted_copies import ROWS, STREAM, make_watched

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine


@pytest.fixture
async def stored(engine: PostgresEngine) -> PostgresEngine:
    """An engine with a stream of 100 rows."""
    engine.samples.append(STREAM, ROWS.copy())
    await engine.samples.commit()
    return engine


@pytest.fixture
async def copied(
    small_copies: None, stored: PostgresEngine, connection: Connection
) -> PostgresEngine:
    """An engine with a stream of 100 rows that it has made ten copies of."""
    await stored.samples.compress()
    assert await check_copies(connection, STREAM) == 10
    return stored


@pytest.fixture
async def planted(small_copies: None, engine: PostgresEngine, connection: Connection) -> Connection:
    """The same without the engine's doing, which knows nothing of it."""
    await make_watched(connection, STREAM.id)
    await compressed_table.add(connection, STREAM.id, 0, encode(ROWS, 0))
    assert await check_copies(connection, STREAM) == 10
    return connection
