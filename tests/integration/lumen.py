"""A Lumen server, as far as a node meets it: written from what is known of the real one."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

AUTH_KEY = "one-shot-key"
ASKED = ("/version.json", "/dbinfo", "/folders.json", "/app.json")
"""What Lumen reads of a new node before it answers the node's own request."""


@dataclass
class Lumen:
    """Checks each registration; ``nodes`` are those it took, by name."""

    has_users: bool = True
    needs_key: bool = True
    before: Callable[[], Awaitable[None]] | None = None
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def register(self, request: web.Request) -> web.Response:
        """``POST /nilms.json``."""
        assert request.content_type == "application/json"
        body = await request.json()
        self.requests.append(body)
        if self.before is not None:
            await self.before()
        assert {"api_key", "port", "name", "scheme", "base_uri"} <= body.keys()
        assert len(body["api_key"]) == 43
        assert body["base_uri"] == "" or body["base_uri"].startswith("/")
        if refusal := self._refusal(body):
            return web.Response(status=422, text=refusal)
        host = body["name"] if "name_is_host" in body else request.remote
        url = body.get("return_address") or (
            f"{body['scheme']}://{host}:{body['port']}{body['base_uri']}"
        )
        self.nodes[body["name"]] = {"url": url, "key": body["api_key"]}
        if fault := await self._look_at(url, body["api_key"]):
            return web.Response(status=422, text=fault)
        return web.Response(text="ok")

    def _refusal(self, body: dict[str, Any]) -> str | None:
        if not self.has_users:
            missing = {"first_name", "last_name", "email", "password"} - body.keys()
            return f"specify {', '.join(sorted(missing))}" if missing else None
        if self.needs_key and body.get("auth_key") != AUTH_KEY:
            return "specify auth_key" if "auth_key" not in body else "invalid auth_key"
        return None

    async def _look_at(self, url: str, key: str) -> str | None:
        """Do what Lumen does while the node still waits; certificates are not looked at."""
        async with aiohttp.ClientSession(headers={"X-API-KEY": key}) as session:
            try:
                async with session.get(url, ssl=False) as answer:
                    if (await answer.text()).lower() != "joule server":
                        return f"cannot contact node at {url}"
                for path in ASKED:
                    async with session.get(url + path, ssl=False) as answer:
                        assert answer.status == 200, path
                        assert answer.content_type == "application/json"
                        await answer.json()
            except aiohttp.ClientError:
                return f"cannot contact node at {url}"
        return None


@asynccontextmanager
async def lumen_server(
    lumen: Lumen | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Lumen]:
    """Run it on a free port of the loopback, below ``/lumen``."""
    lumen = lumen or Lumen()
    app = web.Application()
    app.router.add_post("/lumen/nilms.json", lumen.register)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "http" if tls is None else "https"
        lumen.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/lumen"
        yield lumen
    finally:
        await runner.cleanup()


@contextmanager
def lumen_thread(lumen: Lumen | None = None) -> Iterator[Lumen]:
    """Run it in a thread, for tests of programs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = lumen_server(lumen)
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
