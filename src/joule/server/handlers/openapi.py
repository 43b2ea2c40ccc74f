"""The description of this interface, for programs and for people."""

from __future__ import annotations

from aiohttp import web

from joule.server.responses import long_json
from joule.server.services import services_of
from joule.wire.openapi import document, page
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.OPENAPI)
async def openapi(request: web.Request) -> web.Response:
    """Give the OpenAPI description of the node."""
    return long_json(document(services_of(request).version))


@routes.get(Route.OPENAPI_PAGE)
async def openapi_page(request: web.Request) -> web.Response:
    """Give the description as a page."""
    return web.Response(text=page(services_of(request).version), content_type="text/html")
