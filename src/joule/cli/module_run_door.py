"""A socket on which a module finds its node, as modules that a node starts do.

Everything that is asked there is passed on to the node with the user's own key.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from joule.api import Node

_ASKED = (hdrs.CONTENT_TYPE, hdrs.ACCEPT)
_NOT_ANSWERED = {hdrs.CONNECTION, hdrs.CONTENT_LENGTH, hdrs.KEEP_ALIVE, hdrs.TRANSFER_ENCODING}


@asynccontextmanager
async def open_door(node: Node, socket: Path) -> AsyncIterator[None]:
    """Serve the node's HTTP interface on a UNIX socket."""
    transport = node.session.transport
    async with aiohttp.ClientSession(
        connector=transport.connector(),
        headers=transport.headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
    ) as client:

        async def relay(request: web.Request) -> web.StreamResponse:
            return await _relay(client, f"{transport.url}{request.path_qs}", request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", relay)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(socket)).start()
            yield
        finally:
            await runner.cleanup()


async def _relay(
    client: aiohttp.ClientSession, url: str, request: web.Request
) -> web.StreamResponse:
    headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
    body = request.content if request.can_read_body else None
    try:
        answer = await client.request(request.method, url, headers=headers, data=body)
    except (aiohttp.ClientError, OSError) as error:
        raise web.HTTPBadGateway(text=f"Cannot contact node: {error}") from error
    async with answer:
        kept = {n: v for n, v in answer.headers.items() if n not in _NOT_ANSWERED}
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
        await response.prepare(request)
        async for data in answer.content.iter_any():
            await response.write(data)
    return response
