"""The suite for sample stores, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.testing.engine_contract.concurrency import ConcurrencyContract
from joule.testing.engine_contract.inserting import InsertContract
from joule.testing.engine_contract.reading import (
    DecimationContract,
    InfoContract,
    ReadContract,
)
from joule.testing.engine_contract.removing import (
    ConsolidateContract,
    DeleteContract,
    DropContract,
    RetainContract,
)
from joule.testing.engine_contract.scene import PLACES, Scene
from joule.testing.engine_contract.writing import AppendContract

if TYPE_CHECKING:
    from joule.storage.interfaces import Engine


class SampleStoreContract(
    AppendContract,
    InsertContract,
    ReadContract,
    InfoContract,
    DecimationContract,
    ConcurrencyContract,
    DeleteContract,
    ConsolidateContract,
    RetainContract,
    DropContract,
):
    """What every ``SampleStore`` does."""

    @pytest.fixture(params=PLACES, ids=lambda place: place.name)
    async def scene(self, engine: Engine, request: pytest.FixtureRequest) -> Scene:
        """Give a stream whose rows end up in one of the places that rows can be in."""
        return Scene(engine, request.param)
