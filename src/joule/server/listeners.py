"""Where the server listens: the UNIX socket, and TCP with or without TLS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

_READ_BUFFER_BYTES = 1024 * 1024
_SHUTDOWN_TIMEOUT_S = 5.0
_SOCKET_MODE = 0o660


@dataclass(frozen=True, slots=True)
class TcpListener:
    """An address to listen on; ``port`` 0 takes a free one, ``tls`` None is plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class Server:
    """Serves an application on its sockets while it is entered.

    Leaving it ends live responses and uploads at once, gives other requests a few seconds and
    removes the UNIX socket.
    """

    def __init__(
        self, app: web.Application, *, socket_path: Path, tcp: TcpListener | None = None
    ) -> None:
        self._socket_path = socket_path
        self._tcp = tcp
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_TIMEOUT_S,
            read_bufsize=_READ_BUFFER_BYTES,
        )

    @property
    def tcp_port(self) -> int | None:
        """The TCP port that it listens on, None without a TCP listener."""
        for address in self._runner.addresses:
            if isinstance(address, tuple):
                return int(address[1])
        return None

    async def __aenter__(self) -> Server:
        await self._runner.setup()
        try:
            await self._listen()
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._runner.cleanup()
        self._socket_path.unlink(missing_ok=True)

    async def _listen(self) -> None:
        await web.UnixSite(self._runner, str(self._socket_path)).start()
        os.chmod(self._socket_path, _SOCKET_MODE)
        if self._tcp is not None:
            await web.TCPSite(
                self._runner, self._tcp.host, self._tcp.port, ssl_context=self._tcp.tls
            ).start()
