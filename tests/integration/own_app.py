"""A module with a web interface of its own, which tests let a node run."""

from __future__ import annotations

import asyncio
import hashlib
import os
import string
from typing import Any

from aiohttp import web

from joule.client import FilterModule

PAGE = string.Template(
    "<html><head><link rel=stylesheet href=assets/style.css></head>"
    "<body><h1>Hello $name</h1><form method=post action=form></form></body></html>"
)


class App(FilterModule):
    """Pages, files, forms, uploads, downloads, events and a web socket."""

    def __init__(self) -> None:
        super().__init__()
        self.ticked = asyncio.Event()
        self.stopped = asyncio.Event()

    async def run(self, parsed_args: Any, inputs: Any, outputs: Any) -> None:
        await self.stopped.wait()

    def stop(self) -> None:
        super().stop()
        self.stopped.set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.page),
            web.get("/assets/style.css", self.style),
            web.post("/form", self.form),
            web.get("/headers", self.headers),
            web.put("/upload", self.upload),
            web.get("/download", self.download),
            web.get("/ticks", self.ticks),
            web.post("/tick", self.tick),
            web.get("/socket", self.socket),
            web.get("/crash", self.crash),
        ]

    async def page(self, _request: web.Request) -> web.Response:
        return web.Response(text=PAGE.substitute(name="you"), content_type="text/html")

    async def style(self, _request: web.Request) -> web.Response:
        return web.Response(text="h1 {color: red}", content_type="text/css")

    async def form(self, request: web.Request) -> web.Response:
        data = await request.post()
        name = data["name"]
        assert isinstance(name, str)
        raise web.HTTPFound(f"./?saved={name}")

    async def headers(self, request: web.Request) -> web.Response:
        return web.json_response(dict(request.headers))

    async def upload(self, request: web.Request) -> web.Response:
        digest, size = hashlib.sha256(), 0
        async for part in request.content.iter_any():
            digest.update(part)
            size += len(part)
        return web.json_response({"size": size, "sha256": digest.hexdigest()})

    async def download(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(int(request.query["mib"])):
            await response.write(bytes(1 << 20))
        return response

    async def ticks(self, request: web.Request) -> web.StreamResponse:
        """Send an event, and the next one once ``tick`` was asked for."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await self.ticked.wait()
        await response.write(b"data: 2\n\n")
        return response

    async def tick(self, _request: web.Request) -> web.Response:
        self.ticked.set()
        return web.Response()

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async def crash(self, _request: web.Request) -> web.Response:
        os._exit(1)


if __name__ == "__main__":
    App().start()
