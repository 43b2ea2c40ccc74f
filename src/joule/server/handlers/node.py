"""The node itself: who it is and how much room it has."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from joule.server.responses import ok
from joule.server.services import node_of, services_of
from joule.wire.routes import SERVER_BANNER, Route

routes = web.RouteTableDef()


@routes.get(Route.ROOT)
async def banner(_request: web.Request) -> web.Response:
    """Say that this is a node."""
    return web.Response(text=SERVER_BANNER)


@routes.get(Route.VERSION)
async def version(request: web.Request) -> web.Response:
    """Give the version as text."""
    return web.Response(text=services_of(request).version)


@routes.get(Route.VERSION_JSON)
async def version_json(request: web.Request) -> web.Response:
    """Give version, name and the id that tells this node from all others."""
    node = node_of(request)
    return web.json_response(
        {"version": services_of(request).version, "name": node.name, "uuid": str(node.uuid)}
    )


@routes.get(Route.DBINFO)
async def dbinfo(request: web.Request) -> web.Response:
    """Give where the data is and the bytes it takes; ``fault`` only while there is one."""
    usage = asdict(await node_of(request).usage())
    if usage["fault"] is None:
        del usage["fault"]
    return web.json_response(usage)


@routes.post(Route.COMMIT)
async def commit(request: web.Request) -> web.Response:
    """Make all rows durable that were accepted so far: what reads the store finds them there."""
    await node_of(request).commit()
    return ok()
