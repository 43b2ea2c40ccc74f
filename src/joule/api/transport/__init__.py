"""How a session reaches a node: over TCP, with or without TLS, or through a UNIX socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from joule.api.transport.tcp import TcpTransport
from joule.api.transport.unix import UnixTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import BaseConnector

__all__ = ["TcpTransport", "Transport", "UnixTransport"]


class Transport(Protocol):
    """A way to a node."""

    @property
    def url(self) -> str:
        """Where the node's routes begin, without a trailing slash."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request carries."""
        ...

    @property
    def passes_gateways(self) -> bool:
        """Whether something between may answer for the node while the node is away."""
        ...

    def connector(self) -> BaseConnector:
        """Make the pool of connections of one event loop, which must be running."""
        ...
