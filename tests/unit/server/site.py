"""A web interface for the tests: it tells what it got, and answers in every way that matters."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp.typedefs import Handler

PART = bytes(range(256)) * 256


@dataclass
class Site:
    """What it saw, and the handles by which a test steers it."""

    requests: list[web.Request] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    take: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def last(self) -> web.Request:
        return self.requests[-1]

    async def echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = web.Response(body=body, status=207, reason="Seen", headers={"X-One": "1"})
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2")
        answer.headers["Connection"] = "X-Hop"
        answer.headers["X-Hop"] = "for this connection"
        answer.headers["Location"] = "http://elsewhere/"
        return answer

    async def packed(self, _request: web.Request) -> web.Response:
        answer = web.Response(text="x" * 1000)
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async def status(self, request: web.Request) -> web.Response:
        return web.Response(status=int(request.match_info["status"]))

    async def swallow(self, request: web.Request) -> web.Response:
        """Take a body once the test says so, and count it."""
        await self.take.wait()
        async for part in request.content.iter_any():
            self.received += len(part)
        return web.Response(text=str(self.received))

    async def pour(self, request: web.Request) -> web.StreamResponse:
        """Send without an end, and notice when nobody wants more."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(PART)
                self.sent += len(PART)
        finally:
            self.left.set()

    async def ticks(self, request: web.Request) -> web.StreamResponse:
        """Send a line, and the next one when the test says so."""
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"data: 1\n\n")
        await self.take.wait()
        await answer.write(b"data: 2\n\n")
        return answer

    async def silence(self, _request: web.Request) -> web.Response:
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        return web.Response()

    async def break_off(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return answer

    async def refuse(self, request: web.Request) -> web.Response:
        """Answer before the body has come."""
        return web.Response(status=413, text="too much")

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["new", "old"], max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.data == "leave":
                await socket.close(code=4001, message=b"as asked")
            else:
                await socket.send_str(message.data)
        self.left.set()
        return socket


@asynccontextmanager
async def serving(
    path: Path | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Site]:
    """Serve the site on a UNIX socket, or on a free port."""
    site = Site()

    @web.middleware
    async def noting(request: web.Request, handler: Handler) -> web.StreamResponse:
        site.requests.append(request)
        site.asked.set()
        return await handler(request)

    app = web.Application(middlewares=[noting])
    app.router.add_get("/status/{status}", site.status)
    for name in ("packed", "swallow", "pour", "ticks", "silence", "break_off", "refuse", "socket"):
        app.router.add_route("*", f"/{name}", getattr(site, name))
    app.router.add_route("*", "/{path:.*}", site.echo)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        if path is not None:
            await web.UnixSite(runner, str(path)).start()
        else:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            site.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}/"
        yield site
    finally:
        await runner.cleanup()
