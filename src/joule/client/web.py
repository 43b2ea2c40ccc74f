"""The web interface of a module: an aiohttp application on a UNIX socket or a TCP port."""

from __future__ import annotations

import asyncio
import socket as sockets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.client.console import note
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

state_key: web.AppKey[dict[str, Any]] = web.AppKey("state", dict)
"""A dictionary for the module's own use."""

task_key: web.AppKey[list[asyncio.Task[None]]] = web.AppKey("task", list)
"""The task of the running module once it is started, under a development server."""

SOCKET_MODE = 0o660
PORTS = range(8000, 9000)


def make_app(routes: Sequence[web.AbstractRouteDef]) -> web.Application:
    """Give an application with these routes and an empty state."""
    app = web.Application()
    app.add_routes(routes)
    app[state_key] = {}
    return app


async def start_interface(
    app: web.Application, socket: str | None, host: str, port: int | None
) -> web.AppRunner:
    """Serve ``app`` on a UNIX socket, or on a TCP port when ``socket`` is None.

    Without a port the first free one from 8000 to 8999 is taken. The caller cleans the runner up.
    Raises ``ConfigurationError`` when the address cannot be used.
    """
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        if socket is not None:
            await web.UnixSite(runner, socket).start()
            _share(Path(socket))
        else:
            site = web.SockSite(runner, _bind(host, [port] if port is not None else PORTS))
            await site.start()
            note(f"web interface at {site.name}")
    except BaseException:
        await runner.cleanup()
        raise
    return runner


def _share(socket: Path) -> None:
    """Let the node's group, a reverse proxy in it for example, connect to the socket."""
    socket.chmod(SOCKET_MODE)


def _bind(host: str, ports: Sequence[int]) -> sockets.socket:
    """Give a socket bound to the first free port."""
    for port in ports:
        with suppress(OSError):
            return sockets.create_server((host, port))
    span = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
    raise ConfigurationError(f"cannot serve the web interface on [{host}:{span}], not available")


def run_beside(
    app: web.Application, run: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], None]
) -> None:
    """Let ``run`` begin when ``app`` is started; when that ends, ``stop`` it and cancel it."""
    app[task_key] = []

    async def run_module(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(run())
        app[task_key].append(task)
        try:
            yield
        finally:
            stop()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app.cleanup_ctx.append(run_module)
