"""Connections to the apps, kept as long as they are of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from joule.api.transport import TcpTransport, UnixTransport

if TYPE_CHECKING:
    from joule.server.relay.apps import App

CONNECT_S = 10.0

_READ_BUFFER_BYTES = 1 << 16
"""When twice as much of an answer waits here, its app is slowed down."""


class RelayClients:
    """An HTTP client for each app; certificates are verified, also against ``cafile``."""

    def __init__(self, cafile: str = "") -> None:
        self._cafile = cafile
        self._clients: dict[App, aiohttp.ClientSession] = {}

    def client(self, app: App) -> aiohttp.ClientSession:
        """Give the client for an app, made at its first use."""
        if app not in self._clients:
            self._clients[app] = self._make(app)
        return self._clients[app]

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    def _make(self, app: App) -> aiohttp.ClientSession:
        if app.socket is not None:
            connector = UnixTransport(str(app.socket)).connector()
        else:
            connector = TcpTransport(app.url, "", cafile=self._cafile).connector()
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_READ_BUFFER_BYTES,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        )


RELAY_CLIENTS = web.AppKey("relay clients", RelayClients)


async def close_clients(app: web.Application) -> None:
    """Signal handler for the clean-up of the application."""
    await app[RELAY_CLIENTS].close()
