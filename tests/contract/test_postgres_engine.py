from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageError
from joule.storage.address import Address
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection.times import FIRST_US
from joule.storage.postgres.rows import compressed_copies
from joule.storage.postgres.rows.samples import PostgresSamples
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


class TestPostgresCompressed(SampleStoreContract):
    """What was committed has compressed copies, of few rows each, and all reads take them."""

    earliest = FIRST_US
    widest = 1599
    has_float32_groups = True

    @pytest.fixture(autouse=True)
    def _compressed_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        commit, numbers = PostgresSamples.commit, itertools.count()

        async def commit_and_compress(samples: PostgresSamples) -> None:
            await commit(samples)
            if is_one_of_few(next(numbers)):
                await samples.compress()

        monkeypatch.setattr(PostgresSamples, "commit", commit_and_compress)
        monkeypatch.setattr(compressed_copies, "rows_per_copy", few_rows)
        monkeypatch.setattr(compressed_copies, "SHARE_WORTH", 0)


def is_one_of_few(number: int) -> bool:
    """Whether this commit of a story is among the first, or one out of many."""
    return number < 20 or number % 50 == 0


def few_rows(row_bytes: int) -> int:
    """The rows of a copy: three in most stories, hundreds in those of many wide rows."""
    return 3 if row_bytes < 20 else 300


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
