from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.memory import MemoryEngine
from joule.storage.nilmdb import NilmdbEngine
from tests.integration.nilmdb import NilmDB, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def double() -> Iterator[NilmDB]:
    with serving(NilmDB()) as double:
        yield double


@pytest.fixture
def inner() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
async def engine(double: NilmDB, inner: MemoryEngine) -> AsyncIterator[NilmdbEngine]:
    async with NilmdbEngine(inner, double.url) as engine:
        yield engine
