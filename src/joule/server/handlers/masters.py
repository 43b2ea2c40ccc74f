"""Masters: who may control this node."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.errors import ApiError, InvalidRequestError
from joule.models.access import SCOPES
from joule.node.access import ADMIN, USER
from joule.server.auth import is_trusted, master_of
from joule.server.joining import JOULE_NODE, Introduction, join_lumen, join_node
from joule.server.params import json_body
from joule.server.public import public_address
from joule.server.responses import ok
from joule.server.services import node_of, services_of
from joule.wire.json_models import master_to_json
from joule.wire.routes import KEY_HEADER, PORT_HEADER, Route

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
    """Give a user access, or put this node under the control of a node or a Lumen server.

    The answer for a user is the only place where the key is shown.
    """
    body = await json_body(request)
    kind = _TYPES.get(str(body.get("master_type")).lower())
    if kind is None:
        raise InvalidRequestError("master_type must be [user|joule|lumen]")
    grantor = _grantor(request)
    grantor_id = None if grantor is None else grantor.id
    if kind == USER:
        return await _add_user(request, body, grantor_id)
    me = _introduction(request, body, grantor_id)
    try:
        return web.json_response({"name": await _join(request, kind, body, me), "scope": me.scope})
    except ApiError as error:
        return web.json_response({"error": str(error)}, status=HTTPStatus.BAD_REQUEST)


async def _add_user(request: web.Request, body: JsonObject, grantor_id: int | None) -> web.Response:
    node, scope = node_of(request), _scope(body)
    key = await node.access.add_user(
        _identifier(body),
        _new_key(body),
        grantor_id=grantor_id,
        replace=body.get("replace") is True,
        scope=scope,
    )
    return web.json_response({"key": key, "name": node.name, "scope": scope})


async def _join(request: web.Request, kind: str, body: JsonObject, me: Introduction) -> str:
    access, identifier = node_of(request).access, _identifier(body)
    if kind == JOULE_NODE:
        return await join_node(access, identifier, me)
    await join_lumen(access, identifier, _lumen_parameters(body), me)
    return identifier


def _introduction(request: web.Request, body: JsonObject, grantor_id: int | None) -> Introduction:
    services, address = services_of(request), public_address(request)
    if address.port is None:
        raise InvalidRequestError(
            "this node can be reached on its own host only: set IPAddress in its main file, or "
            f"let the reverse proxy send {PORT_HEADER}"
        )
    return Introduction(
        name=services.node.name,
        scheme=address.scheme,
        port=address.port,
        base_uri=address.base_uri,
        cafile=services.cafile,
        grantor_id=grantor_id,
        scope=_scope(body),
        answer_s=services.master_answer_s,
    )


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


def _scope(body: JsonObject) -> str:
    scope: Any = body.get("scope", ADMIN)
    if scope not in SCOPES:
        raise InvalidRequestError(f"scope must be one of {', '.join(SCOPES)}")
    return str(scope)


def _lumen_parameters(body: JsonObject) -> JsonObject:
    parameters: Any = body.get("lumen_params")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidRequestError("Invalid request 'lumen_params'")
    return parameters


def _new_key(body: JsonObject) -> str | None:
    key: Any = body.get("api_key")
    if key is None:
        return None
    if not isinstance(key, str) or len(key) < _KEY_MIN:
        raise InvalidRequestError(f"API Key must be at least {_KEY_MIN} characters")
    return key
