"""Followers: nodes that this node may control."""

from __future__ import annotations

import ipaddress
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.server.identity import identify
from joule.server.params import json_body
from joule.server.public import caller_host
from joule.server.services import node_of, services_of
from joule.wire.json_models import follower_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()

_REQUIRED = ("key", "port", "scheme", "base_uri")
_NAME_IS_HOST = "name_is_host"
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_BASE_URI = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_BAD_FORMAT = "Invalid request, bad argument format"


@routes.get(Route.FOLLOWERS)
async def follower_list(request: web.Request) -> web.Response:
    """List the followers with the keys that open them."""
    followers = node_of(request).followers.list()
    return web.json_response([follower_to_json(follower) for follower in followers])


@routes.post(Route.FOLLOWER)
async def follower_add(request: web.Request) -> web.Response:
    """Take a node that asks to be controlled by this one; needs no key, but sends one."""
    body = await json_body(request)
    for name in (*_REQUIRED, *(("name",) if _NAME_IS_HOST in body else ())):
        if name not in body:
            raise InvalidRequestError(f"Invalid request, missing ['{name}']")
    key: Any = body["key"]
    if not isinstance(key, str) or not key.isascii() or not key.isprintable():
        raise InvalidRequestError(_BAD_FORMAT)
    services = services_of(request)
    asking = partial(identify, cafile=services.cafile)
    await services.node.followers.add(_location(request, body), key, asking)
    return web.json_response({"name": services.node.name})


@routes.delete(Route.FOLLOWER)
async def follower_remove(request: web.Request) -> web.Response:
    """Forget a follower; nothing changes on that node."""
    name = request.query.get("name")
    if not name:
        raise InvalidRequestError("specify name to remove")
    await node_of(request).followers.remove(name)
    return web.Response(text="OK")


def _location(request: web.Request, body: JsonObject) -> str:
    """Give the URL at which the asking node says it can be reached."""
    host = body["name"] if _NAME_IS_HOST in body else caller_host(request)
    if host is None:
        raise InvalidRequestError(
            "could not determine remote host, specify with X-Forwarded-For if using a reverse proxy"
        )
    scheme, base_uri = body["scheme"], body["base_uri"]
    if scheme not in ("http", "https") or not _fits(_BASE_URI, base_uri):
        raise InvalidRequestError(_BAD_FORMAT)
    return f"{scheme}://{_host(host)}:{_port(body['port'])}{base_uri}"


def _host(text: object) -> str:
    try:
        address = ipaddress.ip_address(str(text))
    except ValueError:
        if not _fits(_HOST, text):
            raise InvalidRequestError(_BAD_FORMAT) from None
        return str(text)
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address}]"


def _port(value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 65535):
        raise InvalidRequestError(_BAD_FORMAT)
    return int(text)


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
