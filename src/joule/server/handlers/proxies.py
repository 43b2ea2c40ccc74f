"""Web interfaces beside the node, and the list of all that can be opened in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import InvalidRequestError, NotFoundError
from joule.server.params import query_spec
from joule.server.services import services_of
from joule.wire.json_models import proxy_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.models.proxies import Proxy
    from joule.server.services import Services

routes = web.RouteTableDef()

APP_ID_HEADER = "X-App-Id"
PROXY_PATH_HEADER = "X-Proxy-Path"


@routes.get(Route.PROXIES)
async def proxy_list(request: web.Request) -> web.Response:
    """List the proxies."""
    return web.json_response([proxy_to_json(proxy) for proxy in services_of(request).proxies])


@routes.get(Route.PROXY)
async def proxy_get(request: web.Request) -> web.Response:
    """Give one proxy by name or id."""
    spec = query_spec(request, text="name")
    return web.json_response(proxy_to_json(_find(services_of(request), spec)))


@routes.get(Route.APPS)
async def app_list(request: web.Request) -> web.Response:
    """List every module with a web interface (``m<id>``) and every proxy (``p<id>``)."""
    services = services_of(request)
    apps = [{"id": f"m{m.id}", "name": m.name} for m in services.modules.modules() if m.is_app]
    apps += [{"id": f"p{proxy.id}", "name": proxy.name} for proxy in services.proxies]
    return web.json_response(apps)


@routes.get(Route.APP_AUTH)
async def app_auth(request: web.Request) -> web.Response:
    """Tell a reverse proxy where the requests for an app go."""
    app_id = request.headers.get(APP_ID_HEADER, "")
    kind, number = app_id[:1], app_id[1:]
    if kind not in ("m", "p") or not (number.isascii() and number.isdigit()):
        raise InvalidRequestError("invalid id")
    services = services_of(request)
    target = _module_target if kind == "m" else _proxy_target
    return web.Response(headers={PROXY_PATH_HEADER: target(services, int(number))})


def _module_target(services: Services, module_id: int) -> str:
    apps = {module.id for module in services.modules.modules() if module.is_app}
    if module_id not in apps or services.module_socket_dir is None:
        raise NotFoundError("id not found")
    return f"http://unix:{services.module_socket_dir}/module{module_id}:/"


def _proxy_target(services: Services, proxy_id: int) -> str:
    for proxy in services.proxies:
        if proxy.id == proxy_id:
            return proxy.target_url
    raise NotFoundError("id not found")


def _find(services: Services, spec: str | int) -> Proxy:
    for proxy in services.proxies:
        if spec in (proxy.id, proxy.name):
            return proxy
    raise NotFoundError("proxy does not exist")
