from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.node import LocalNode
from joule.node.archives import Importers
from joule.node.archives.marks import ExporterState
from joule.node.archives.outbox import Outbox
from joule.storage.memory import MemoryEngine
from joule.testing.node import running_node
from tests.unit.node.archives.exporting import CONF, Scene
from tests.unit.node.archives.support import IMPORTER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.testing.clock import FakeClock
    from joule.testing.node import RunningNode


@pytest.fixture
async def hub(clock: FakeClock) -> AsyncIterator[LocalNode]:
    """Another node, for what is imported."""
    async with MemoryEngine() as engine, await LocalNode.open(engine, "hub", clock=clock) as node:
        yield node


@pytest.fixture
def importers(hub: LocalNode, tmp_path: Path) -> Importers:
    """Those of the hub, with one for the archives of the tests."""
    made = Importers(hub, tmp_path / "importer_data")
    made.use([IMPORTER])
    return made


@pytest.fixture
async def server() -> AsyncIterator[RunningNode]:
    """A node that imports what the exporter of the tests sends."""
    async with running_node(importer_confs=[IMPORTER]) as running:
        yield running


@pytest.fixture
def scene(node: LocalNode, clock: FakeClock, tmp_path: Path) -> Scene:
    return Scene(node, clock, tmp_path / "exporter")


@pytest.fixture
def outbox(node: LocalNode, tmp_path: Path) -> Outbox:
    return Outbox(node, CONF, tmp_path / "exporter", ExporterState())
