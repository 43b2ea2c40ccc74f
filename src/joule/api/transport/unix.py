"""The node on this host, reached through its UNIX socket without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import BaseConnector

UNIX_URL = "http://joule.localhost"
"""What stands for the node's address; the host name is never looked up."""


class UnixTransport:
    """The socket of a node that trusts whoever may open it."""

    url = UNIX_URL
    passes_gateways = False

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def headers(self) -> Mapping[str, str]:
        """Nothing: the socket's file mode is the permission."""
        return {}

    def connector(self) -> BaseConnector:
        """Make a pool without a limit: live pipes keep their connections for long."""
        from aiohttp import UnixConnector  # who never asks a node does without it

        return UnixConnector(path=self.path, limit=0)
