"""The suites on rows in a NilmDB server. The server is a double, see there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.embedded import EmbeddedEngine
from joule.storage.memory import MemoryEngine
from joule.storage.nilmdb import NilmdbEngine
from joule.testing.engine_contract import PersistenceContract, SampleStoreContract
from tests.integration.nilmdb import NilmDB, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from joule.storage.interfaces import Engine
    from joule.testing.engine_contract.persistence import OpenAgain


@pytest.fixture
def double() -> Iterator[NilmDB]:
    with serving(NilmDB()) as double:
        yield double


@pytest.fixture
def open_again(tmp_path: Path, double: NilmDB) -> OpenAgain:
    return lambda: NilmdbEngine(EmbeddedEngine(tmp_path / "joule.db"), double.url)


@pytest.fixture
async def engine(double: NilmDB) -> AsyncIterator[Engine]:
    async with NilmdbEngine(MemoryEngine(), double.url) as engine:
        yield engine


class TestNilmdbSamples(SampleStoreContract):
    pass


class TestNilmdbPersistence(PersistenceContract):
    pass
