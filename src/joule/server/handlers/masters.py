"""Masters: who may control this node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.errors import InvalidRequestError, NotFoundError
from joule.server.auth import is_trusted, master_of
from joule.server.params import json_body
from joule.server.responses import ok
from joule.server.services import node_of
from joule.wire.json_models import master_to_json
from joule.wire.routes import KEY_HEADER, Route

if TYPE_CHECKING:
    from joule.storage.interfaces import MasterRecord
    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()

_TYPES = {"user": "USER", "joule": "JOULE_NODE", "lumen": "LUMEN_NODE"}
_TYPES |= {stored.lower(): stored for stored in _TYPES.values()}
_KEY_MIN = 32


@routes.get(Route.MASTERS)
async def master_list(request: web.Request) -> web.Response:
    """List the masters, without their keys."""
    return web.json_response([master_to_json(m) for m in node_of(request).access.list()])


@routes.post(Route.MASTER)
async def master_add(request: web.Request) -> web.Response:
    """Give a user access; the answer is the only place where the key is shown."""
    body = await json_body(request)
    kind = _TYPES.get(str(body.get("master_type")).lower())
    if kind is None:
        raise InvalidRequestError("master_type must be [user|joule|lumen]")
    if kind != "USER":
        raise NotFoundError("this node can add masters of type [user] only")
    grantor = _grantor(request)
    node = node_of(request)
    key = await node.access.add_user(
        _identifier(body),
        _new_key(body),
        grantor_id=None if grantor is None else grantor.id,
        replace=body.get("replace") is True,
    )
    return web.json_response({"key": key, "name": node.name})


@routes.delete(Route.MASTER)
async def master_remove(request: web.Request) -> web.Response:
    """Take access away from a master, but not from oneself."""
    name = request.query.get("name")
    kind = _TYPES.get(request.query.get("master_type", "").lower())
    if not name or kind is None:
        raise InvalidRequestError("specify name and master_type")
    caller = master_of(request)
    if caller is not None and (caller.name, caller.type) == (name, kind):
        raise InvalidRequestError("cannot delete yourself, this would lock you out of the node")
    await node_of(request).access.remove(name, kind)
    return ok()


def _grantor(request: web.Request) -> MasterRecord | None:
    """Give the master who adds another one; None for this host itself, over the UNIX socket."""
    grantor = master_of(request)
    if grantor is None and (KEY_HEADER in request.headers or not is_trusted(request)):
        raise InvalidRequestError(f"Invalid request '{KEY_HEADER}'")
    return grantor


def _identifier(body: JsonObject) -> str:
    name: Any = body.get("identifier")
    if not isinstance(name, str) or not name:
        raise InvalidRequestError("Invalid request 'identifier'")
    return name


def _new_key(body: JsonObject) -> str | None:
    key: Any = body.get("api_key")
    if key is None:
        return None
    if not isinstance(key, str) or len(key) < _KEY_MIN:
        raise InvalidRequestError(f"API Key must be at least {_KEY_MIN} characters")
    return key
