"""The real server on a memory engine, for tests of anything that talks to a node.

::

    async with running_node() as running:
        node = TcpNode("test", running.url, running.key)
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from joule.errors import NotFoundError
from joule.node import LocalNode
from joule.node.archives import Importers
from joule.server import Server, Services, TcpListener, create_app
from joule.storage.memory import MemoryEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from joule.config.importer_conf import ImporterConf
    from joule.models.modules import Module, ModuleConfiguration, ModuleStatistics
    from joule.models.proxies import Proxy
    from joule.server import ModuleDirectory
    from joule.storage.interfaces import Engine

HOST = "127.0.0.1"
USER = "tester"
IMPORTER_KEY = "i" * 32
VERSION = "2.0.0"


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node that can be reached at ``url`` with ``key``, and at ``socket_path`` without one.

    ``node`` is the node behind the server, to plant data and to look at the outcome.
    """

    node: LocalNode
    server: Server
    url: str
    socket_path: Path
    key: str
    importers: Importers


class NoModules:
    """The module directory of a node that runs none."""

    def modules(self) -> Sequence[Module]:
        """There are none."""
        return ()

    def module(self, _spec: str | int) -> NoReturn:
        """There is none."""
        raise NotFoundError("module does not exist")

    def logs(self, spec: str | int) -> list[str]:
        """There is no module that could have some."""
        self.module(spec)

    def log_tail(self, spec: str | int) -> NoReturn:
        """There is no module that could have some."""
        self.module(spec)

    async def start_module(self, spec: str | int) -> NoReturn:
        """There is no module to start."""
        self.module(spec)

    async def stop_module(self, spec: str | int) -> NoReturn:
        """There is no module to stop."""
        self.module(spec)

    async def restart_module(self, spec: str | int) -> NoReturn:
        """There is no module to restart."""
        self.module(spec)

    def configuration(self, spec: str | int) -> ModuleConfiguration:
        """There is no file that could say something."""
        self.module(spec)

    async def statistics(self, spec: str | int | None = None) -> Mapping[int, ModuleStatistics]:
        """There is no module to measure."""
        if spec is not None:
            self.module(spec)
        return {}


@asynccontextmanager
async def running_node(
    *,
    name: str = "test_node",
    engine: Engine | None = None,
    modules: ModuleDirectory | None = None,
    proxies: Sequence[Proxy] = (),
    importer_confs: Sequence[ImporterConf] = (),
    answer_s: float = 60.0,
) -> AsyncIterator[RunningNode]:
    """Serve a node on a free port and a UNIX socket until the block ends.

    The node starts empty, with one user :data:`USER`. Without ``engine`` it forgets everything at
    the end. ``answer_s`` is how long it waits for apps, and for other nodes as its masters.
    """
    async with engine or MemoryEngine() as opened, _open_node(opened, name) as node:
        key = await node.access.add_user(USER, replace=True)
        with tempfile.TemporaryDirectory(prefix="joule-") as folder:
            importers = Importers(node, Path(folder) / "importer_data")
            importers.use(list(importer_confs))
            services = Services(
                node=node,
                modules=modules or NoModules(),
                archives=importers,
                version=VERSION,
                proxies=proxies,
                importer_key=IMPORTER_KEY,
                module_socket_dir=Path(folder),
                app_answer_s=answer_s,
                master_answer_s=answer_s,
            )
            server = Server(
                create_app(services),
                socket_path=Path(folder) / "api",
                tcp=TcpListener(HOST, 0),
            )
            async with server:
                url = f"http://{HOST}:{server.tcp_port}"
                yield RunningNode(node, server, url, Path(folder) / "api", key, importers)


@asynccontextmanager
async def _open_node(engine: Engine, name: str) -> AsyncIterator[LocalNode]:
    node = await LocalNode.open(engine, name)
    try:
        async with asyncio.TaskGroup() as group:
            services = group.create_task(node.run())
            try:
                yield node
            finally:
                services.cancel()
    finally:
        await node.close()
