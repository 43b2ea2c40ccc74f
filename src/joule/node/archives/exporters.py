"""The exporters of a node: one task for each, so that a slow target keeps none but its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from joule.node.archives.exporter import Exporter
from joule.node.archives.marks import ExporterStates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from joule.config.exporter_conf import ExporterConf
    from joule.node.clock import Clock
    from joule.node.local_node import LocalNode

logger = logging.getLogger(__name__)


class Exporters:
    """Runs the exporters that :meth:`use` names; their archives are made in ``folder``."""

    def __init__(self, node: LocalNode, folder: Path, clock: Clock, cafile: str = "") -> None:
        self._node = node
        self._folder = folder
        self._clock = clock
        self._cafile = cafile
        self._states = ExporterStates(node.engine.catalog)
        self._wanted: dict[str, ExporterConf] = {}
        self._changed = asyncio.Event()

    def use(self, confs: Sequence[ExporterConf]) -> None:
        """Run these from now on, of different names; those that are the same go on."""
        self._wanted = {conf.name: conf for conf in confs}
        self._changed.set()

    async def run(self) -> None:
        """Run them until cancelled."""
        running: dict[str, tuple[ExporterConf, asyncio.Task[None]]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._changed.wait()
                self._changed.clear()
                for name, (conf, task) in list(running.items()):
                    if self._wanted.get(name) != conf:
                        del running[name]
                        task.cancel()
                        await asyncio.wait([task])
                for name, conf in self._wanted.items():
                    if name not in running:
                        task = tasks.create_task(self._exporter(conf).run(), name=f"export {name}")
                        running[name] = (conf, task)

    def _exporter(self, conf: ExporterConf) -> Exporter:
        folder = self._folder / f"exporter-{quote(conf.name, safe='')}"
        return Exporter(self._node, conf, folder, self._states, self._clock, self._cafile)
