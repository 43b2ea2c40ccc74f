"""What the server needs from the rest of the program, handed to it by the daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from joule.models.modules import Module, ModuleStatistics
    from joule.models.proxies import Proxy
    from joule.node import LocalNode


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

    async def statistics(self, spec: str | int | None = None) -> Mapping[int, ModuleStatistics]:
        """Resources by module id, of one module or of all; ``NotFoundError`` as above."""
        ...


@dataclass(frozen=True)
class Services:
    """One node and what belongs to it.

    ``module_socket_dir`` is the folder of the sockets on which modules serve their web
    interfaces.
    """

    node: LocalNode
    modules: ModuleDirectory
    version: str
    proxies: Sequence[Proxy] = ()
    module_socket_dir: Path | None = None
    importer_key: str | None = field(default=None, repr=False)


SERVICES = web.AppKey("services", Services)


def services_of(request: web.Request) -> Services:
    """Give what the daemon handed to the server."""
    return request.app[SERVICES]


def node_of(request: web.Request) -> LocalNode:
    """Give the node that the request is for."""
    return request.app[SERVICES].node
