"""Proxies: configured sites beside the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import NotFoundError
from joule.server.params import query_spec
from joule.server.services import services_of
from joule.wire.json_models import proxy_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.models.proxies import Proxy
    from joule.server.services import Services

routes = web.RouteTableDef()


@routes.get(Route.PROXIES)
async def proxy_list(request: web.Request) -> web.Response:
    """List the proxies."""
    return web.json_response([proxy_to_json(proxy) for proxy in services_of(request).proxies])


@routes.get(Route.PROXY)
async def proxy_get(request: web.Request) -> web.Response:
    """Give one proxy by name or id."""
    spec = query_spec(request, text="name")
    return web.json_response(proxy_to_json(_find(services_of(request), spec)))


def _find(services: Services, spec: str | int) -> Proxy:
    for proxy in services.proxies:
        if spec in (proxy.id, proxy.name):
            return proxy
    raise NotFoundError("proxy does not exist")
