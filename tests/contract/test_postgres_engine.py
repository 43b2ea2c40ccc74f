from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageError
from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection.times import FIRST_US
from joule.testing.engine_contract import (
    CatalogStoreContract,
    EventStoreContract,
    PersistenceContract,
    SampleStoreContract,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.storage.interfaces import Engine
    from joule.testing.engine_contract.persistence import OpenAgain


@pytest.fixture
def open_again(postgres_address: str) -> OpenAgain:
    return lambda: PostgresEngine(Address.parse(postgres_address))


@pytest.fixture
async def engine(open_again: OpenAgain) -> AsyncIterator[Engine]:
    async with open_again() as engine:
        yield engine


class TestPostgresSamples(SampleStoreContract):
    earliest = FIRST_US
    widest = 1599
    has_float32_groups = True


class TestPostgresEvents(EventStoreContract):
    earliest = FIRST_US


class TestPostgresCatalog(CatalogStoreContract):
    pass


class TestPostgresPersistence(PersistenceContract):
    pass


async def test_a_database_in_use_is_not_opened_again(open_again: OpenAgain) -> None:
    async with open_again():
        with pytest.raises(StorageError, match="in use by another node"):
            await open_again().__aenter__()
