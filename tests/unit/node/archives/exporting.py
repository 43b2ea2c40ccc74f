"""An exporter that takes its turns when a test says so, and what the importing node has then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from joule.node.archives.exporter import Exporter
from joule.node.archives.marks import ExporterStates
from joule.node.archives.outbox import Outbox
from joule.testing.node import IMPORTER_KEY
from tests.unit.node.archives.support import EXPORTER, events_of
from tests.unit.node.support import stored

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.exporter_conf import ExporterConf
    from joule.models.events import Event
    from joule.node import LocalNode
    from joule.testing.clock import FakeClock
    from joule.testing.node import RunningNode

NOW = 1_700_000_000_000_000

CONF = replace(EXPORTER, url="http://hub", folder=None)
NOWHERE = "http://127.0.0.1:9"


class Scene:
    """A node with an exporter that takes its turns when the test says so."""

    def __init__(self, node: LocalNode, clock: FakeClock, folder: Path) -> None:
        self.node = node
        self.clock = clock
        self.folder = folder
        self.conf = EXPORTER
        self._exporter: Exporter | None = None
        self._outbox: Outbox | None = None

    async def restart(self, conf: ExporterConf | None = None) -> None:
        """End the exporter and begin with another one, as a new process does."""
        self.conf = conf or self.conf
        states = ExporterStates(self.node.engine.catalog)
        self._exporter = Exporter(self.node, self.conf, self.folder, states, self.clock)
        self._outbox = await self._exporter._open()

    async def turn(self, hours: float = 1.5) -> None:
        """Let some time pass and the exporter do what is due."""
        await self.clock.advance(hours * 3600)
        assert self._exporter is not None
        assert self._outbox is not None
        await self._exporter._turn(self._outbox)

    @property
    def waiting(self) -> list[str]:
        """The files that wait."""
        assert self._outbox is not None
        names = [waiting.file for waiting in self._outbox.state.waiting]
        there = {file.name for file in self.folder.iterdir()} if self.folder.exists() else set()
        assert there == set(names)
        return names


def to(server: RunningNode, **changes: object) -> ExporterConf:
    conf = replace(EXPORTER, url=server.url, key=IMPORTER_KEY)
    return replace(conf, **changes)  # type: ignore[arg-type]


async def mirrored(server: RunningNode) -> tuple[list[int | str], list[Event]]:
    catalog = server.node.catalog
    rows = await stored(server.node, catalog.data_stream("/mirror/s"))
    return rows, await events_of(server.node, catalog.event_stream("/mirror/e"))


def configured(outbox: Outbox, conf: ExporterConf) -> Outbox:
    """The same outbox after the exporter's file was changed."""
    return Outbox(outbox._node, conf, outbox._folder, outbox.state)


async def filled(outbox: Outbox) -> Path:
    """The next archive."""
    before = len(outbox.state.waiting)
    await outbox.fill(NOW)
    assert len(outbox.state.waiting) == before + 1
    return outbox.path(outbox.state.waiting[-1])
