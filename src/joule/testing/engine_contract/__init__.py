"""The suite that every storage engine has to pass.

An engine's test file subclasses the classes below and supplies one fixture, ``engine``, that gives
an entered, empty engine; :class:`PersistenceContract` wants ``open_again`` instead, a callable
that opens the same place anew each time. As in::

    @pytest.fixture
    async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
        async with EmbeddedEngine(tmp_path / "joule.db") as engine:
            yield engine

    class TestSamples(SampleStoreContract): ...
"""

from __future__ import annotations

from joule.testing.engine_contract.catalog import CatalogStoreContract
from joule.testing.engine_contract.events import EventStoreContract
from joule.testing.engine_contract.persistence import PersistenceContract
from joule.testing.engine_contract.samples import SampleStoreContract

__all__ = [
    "CatalogStoreContract",
    "EventStoreContract",
    "PersistenceContract",
    "SampleStoreContract",
]
