from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.memory import MemoryEngine
from joule.testing.engine_contract import (
    CatalogStoreContract,
    EventStoreContract,
    SampleStoreContract,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.storage.interfaces import Engine


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with MemoryEngine() as engine:
        yield engine


class TestMemorySamples(SampleStoreContract):
    pass


class TestMemoryEvents(EventStoreContract):
    pass


class TestMemoryCatalog(CatalogStoreContract):
    pass
