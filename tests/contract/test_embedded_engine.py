from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import StorageError
from joule.storage.embedded import EmbeddedEngine
from joule.testing.engine_contract import (
    CatalogStoreContract,
    EventStoreContract,
    PersistenceContract,
    SampleStoreContract,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.storage.interfaces import Engine
    from joule.testing.engine_contract.persistence import OpenAgain


@pytest.fixture
def open_again(tmp_path: Path) -> OpenAgain:
    return lambda: EmbeddedEngine(tmp_path / "joule.db")


@pytest.fixture
async def engine(open_again: OpenAgain) -> AsyncIterator[Engine]:
    async with open_again() as engine:
        yield engine


class TestEmbeddedSamples(SampleStoreContract):
    pass


class TestEmbeddedEvents(EventStoreContract):
    pass


class TestEmbeddedCatalog(CatalogStoreContract):
    pass


class TestEmbeddedPersistence(PersistenceContract):
    pass


async def test_a_file_in_use_is_not_opened_again(open_again: OpenAgain) -> None:
    async with open_again():
        with pytest.raises(StorageError, match="in use by another process"):
            await open_again().__aenter__()
