"""Apps: the list of them, where they are, and the way to them through the node."""

from __future__ import annotations

from aiohttp import web

from joule.server.relay import find_app, list_apps, pass_on
from joule.server.services import services_of
from joule.wire.routes import APP_ID_HEADER, APP_PREFIXES, PROXY_PATH_HEADER, Route

routes = web.RouteTableDef()


@routes.get(Route.APPS)
async def app_list(request: web.Request) -> web.Response:
    """List every module with a web interface (``m<id>``) and every proxy (``p<id>``)."""
    apps = list_apps(services_of(request))
    return web.json_response([{"id": app.id, "name": app.name} for app in apps])


@routes.get(Route.APP_AUTH)
async def app_auth(request: web.Request) -> web.Response:
    """Tell a reverse proxy where the requests for an app go."""
    app = find_app(services_of(request), request.headers.get(APP_ID_HEADER, ""))
    return web.Response(headers={PROXY_PATH_HEADER: app.location})


async def app_without_slash(request: web.Request) -> web.Response:
    """Send a browser to the address below which an app's relative links work."""
    app = find_app(services_of(request), request.match_info["app"])
    query = request.rel_url.raw_query_string
    # Relative, since a reverse proxy may have taken away what the path begins with.
    location = f"{app.id}/{'?' if query else ''}{query}"
    return web.Response(status=308, headers={"Location": location})


async def app_relay(request: web.Request) -> web.StreamResponse:
    """Let an app answer."""
    services = services_of(request)
    app = find_app(services, request.match_info["app"])
    path = request.rel_url.raw_path.split("/", 3)[3]
    return await pass_on(request, app, path, services.app_answer_s)


for _prefix in APP_PREFIXES:
    # "auth" is no app: other methods than those of its route are refused by the router.
    routes.route("*", f"{_prefix}{{app:(?!auth$)[^/]+}}")(app_without_slash)
    routes.route("*", f"{_prefix}{{app}}/{{path:.*}}")(app_relay)
