"""What the server needs from the rest of the program, handed to it by the daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from joule.models.modules import ReloadReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from joule.models.modules import ConfigFault, Module, ModuleConfiguration, ModuleStatistics
    from joule.models.proxies import Proxy
    from joule.node import LocalNode
    from joule.utilities import ImportLogger


class ModuleDirectory(Protocol):
    """The modules of a node, as far as they can be asked about."""

    def modules(self) -> Sequence[Module]:
        """All modules in load order, without statistics."""
        ...

    def module(self, spec: str | int) -> Module:
        """One module by name or id; ``NotFoundError`` when there is none."""
        ...

    def logs(self, spec: str | int) -> list[str]:
        """The last lines of a module's log, oldest first; ``NotFoundError`` as above."""
        ...

    def log_tail(self, spec: str | int) -> AsyncIterator[list[str]]:
        """The same lines, then new ones as they come; ``NotFoundError`` as above."""
        ...

    def configuration(self, spec: str | int) -> ModuleConfiguration:
        """What the file of a module says; ``NotFoundError`` as above."""
        ...

    async def statistics(self, spec: str | int | None = None) -> Mapping[int, ModuleStatistics]:
        """Resources by module id, of one module or of all; ``NotFoundError`` as above."""
        ...

    async def start_module(self, spec: str | int) -> Module:
        """Start a module that does not run; ``NotFoundError`` as above."""
        ...

    async def stop_module(self, spec: str | int) -> Module:
        """End a module until it is started; ``NotFoundError`` as above."""
        ...

    async def restart_module(self, spec: str | int) -> Module:
        """End a module and start it at once; ``NotFoundError`` as above."""
        ...


class Configuration(Protocol):
    """The configuration files of a node."""

    def module_faults(self) -> Sequence[ConfigFault]:
        """The module files that cannot be used, and why."""
        ...

    async def reload(self) -> ReloadReport:
        """Read all files again, do what has changed, and say what that was."""
        ...


class Archives(Protocol):
    """Who imports archives."""

    async def take(self, pieces: AsyncIterator[bytes]) -> ImportLogger:
        """Import the archive that these are and report; ``InvalidRequestError`` when it is none."""
        ...


class NoConfiguration:
    """A node without configuration files."""

    def module_faults(self) -> Sequence[ConfigFault]:
        """There are none."""
        return ()

    async def reload(self) -> ReloadReport:
        """There is nothing to read."""
        return ReloadReport()


@dataclass(frozen=True)
class Services:
    """One node and what belongs to it.

    ``module_socket_dir`` is the folder of the sockets on which modules serve their web
    interfaces. ``tcp_port`` and ``is_tls`` tell how the node listens on TCP, ``cafile`` is the
    authority that it trusts beside the system's. ``app_answer_s`` is how long an app may neither
    take anything of a request nor begin to answer it, ``master_answer_s`` how long another node
    or a Lumen server that this one wants as its master.
    """

    node: LocalNode
    modules: ModuleDirectory
    archives: Archives
    version: str
    configuration: Configuration = field(default_factory=NoConfiguration)
    proxies: Sequence[Proxy] = ()
    module_socket_dir: Path | None = None
    importer_key: str | None = field(default=None, repr=False)
    tcp_port: int | None = None
    is_tls: bool = False
    cafile: str = ""
    app_answer_s: float = 60.0
    master_answer_s: float = 60.0


SERVICES = web.AppKey("services", Services)


def services_of(request: web.Request) -> Services:
    """Give what the daemon handed to the server."""
    return request.app[SERVICES]


def node_of(request: web.Request) -> LocalNode:
    """Give the node that the request is for."""
    return request.app[SERVICES].node
