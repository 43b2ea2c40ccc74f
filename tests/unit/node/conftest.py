from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.node.support import ChosenEngine, make_stream

from joule.node import LocalNode
from joule.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.streams import DataStream


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine() -> ChosenEngine:
    return ChosenEngine()


@pytest.fixture
async def node(engine: ChosenEngine, clock: FakeClock) -> AsyncIterator[LocalNode]:
    """A node whose services do not run."""
    async with engine:
        node = await LocalNode.open(engine, "n", clock=clock)
        yield node
        engine.chosen.failure = None
        await node.close()


@pytest.fixture
async def stream(node: LocalNode) -> DataStream:
    return await node.catalog.create_data_stream(make_stream(), "/a")


@pytest.fixture
async def live_only(node: LocalNode) -> DataStream:
    return await node.catalog.create_data_stream(make_stream("live", keep_us=0), "/a")
