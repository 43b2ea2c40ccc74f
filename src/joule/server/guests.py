"""Requests under way by the key that let them in: they end when that key is taken away."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator


class Guests:
    """Who is here. Without it a subscription would outlive the access of its master."""

    def __init__(self) -> None:
        self._connections: dict[bytes, set[asyncio.Transport]] = {}

    @contextmanager
    def admitted(self, request: web.Request, key_hash: bytes) -> Iterator[None]:
        """Count a request as let in by this key while the block runs."""
        connection = request.transport
        if connection is None:  # it has gone already
            yield
            return
        mine = self._connections.setdefault(key_hash, set())
        mine.add(connection)
        try:
            yield
        finally:
            mine.discard(connection)
            if not mine:
                self._connections.pop(key_hash, None)

    def dismiss(self, key_hash: bytes) -> None:
        """Cut the connections of all requests that this key let in."""
        for connection in tuple(self._connections.get(key_hash, ())):
            connection.abort()


GUESTS = web.AppKey("guests", Guests)
