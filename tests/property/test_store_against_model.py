"""Random operations on a sample store and on a model of plain Python, compared after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis.stateful import rule

from joule.storage.embedded import EmbeddedEngine
from joule.storage.memory import MemoryEngine
from tests.property.store_machine import StoreAgainstModel

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine


class MemoryAgainstModel(StoreAgainstModel):
    def new_engine(self) -> Engine:
        return MemoryEngine()


class EmbeddedAgainstModel(StoreAgainstModel):
    def new_engine(self) -> Engine:
        return EmbeddedEngine(self.folder / "joule.db")

    @rule()
    def reopen(self) -> None:
        self.run(self.store.commit())
        self.run(self.engine.__aexit__(None, None, None))
        self.engine = self.new_engine()
        self.run(self.engine.__aenter__())


quick = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestMemory = MemoryAgainstModel.TestCase
TestMemory.settings = quick
TestEmbedded = EmbeddedAgainstModel.TestCase
TestEmbedded.settings = quick
