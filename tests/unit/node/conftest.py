from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.events import EventStream
from joule.node import LocalNode, live
from joule.storage.memory import samples as memory_samples
from joule.testing.clock import FakeClock
from tests.unit.node.support import LAYOUT, ChosenEngine, make_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.streams import DataStream
    from joule.node import Catalog


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
    return await node.catalog.create_stream(make_stream(), "/a")


@pytest.fixture
async def live_only(node: LocalNode) -> DataStream:
    return await node.catalog.create_stream(make_stream("live", keep_us=0), "/a")


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live buffers of a few rows and store blocks of three."""
    monkeypatch.setattr(live, "STREAM_BYTES_MAX", 5 * LAYOUT.row_bytes)
    monkeypatch.setattr(live, "ENTRY_BYTES", 0)
    monkeypatch.setattr(memory_samples, "BLOCK_BYTES", 3 * LAYOUT.row_bytes)


@pytest.fixture
def catalog(node: LocalNode) -> Catalog:
    return node.catalog


@pytest.fixture
async def data(catalog: Catalog) -> DataStream:
    """A data stream ``/a/b/d``."""
    return await catalog.create_stream(make_stream("d"), "/a/b")


@pytest.fixture
async def events(catalog: Catalog) -> EventStream:
    """An event stream ``/a/b/e``."""
    return await catalog.create_stream(EventStream("e"), "/a/b")
