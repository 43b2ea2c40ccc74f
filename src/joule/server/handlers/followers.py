"""Followers: nodes that this node may control."""

from __future__ import annotations

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.server.services import node_of
from joule.wire.json_models import follower_to_json
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.FOLLOWERS)
async def follower_list(request: web.Request) -> web.Response:
    """List the followers with the keys that open them."""
    followers = node_of(request).catalog.followers()
    return web.json_response([follower_to_json(follower) for follower in followers])


@routes.delete(Route.FOLLOWER)
async def follower_remove(request: web.Request) -> web.Response:
    """Forget a follower; nothing changes on that node."""
    name = request.query.get("name")
    if not name:
        raise InvalidRequestError("specify name to remove")
    await node_of(request).access.remove_follower(name)
    return web.Response(text="OK")
