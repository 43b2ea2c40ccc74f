"""Event streams: their metadata."""

from __future__ import annotations

from aiohttp import web

from joule.server.event_data import info_of
from joule.server.params import (
    body_changes,
    body_destination,
    body_id,
    body_new,
    body_source,
    json_body,
    query_spec,
)
from joule.server.responses import ok
from joule.server.services import node_of
from joule.wire.json_models import event_stream_from_json, event_stream_to_json
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.EVENT)
async def event_stream_get(request: web.Request) -> web.Response:
    """Give one event stream, always with ``data_info``."""
    node = node_of(request)
    stream = node.catalog.event_stream(query_spec(request))
    info = await info_of(node.engine.events, stream.id)
    return web.json_response(event_stream_to_json(stream, info))


@routes.post(Route.EVENT)
async def event_stream_create(request: web.Request) -> web.Response:
    """Create an event stream."""
    body = await json_body(request)
    stream = body_new(body, event_stream_from_json)
    created = await node_of(request).catalog.create_event_stream(stream, body_destination(body))
    return web.json_response(event_stream_to_json(created))


@routes.put(Route.EVENT)
async def event_stream_update(request: web.Request) -> web.Response:
    """Change some attributes of an event stream."""
    body = await json_body(request)
    catalog = node_of(request).catalog
    stream = catalog.event_stream(body_id(body))
    updated = await catalog.update_event_stream(stream.id, body_changes(body, "stream"))
    return web.json_response(event_stream_to_json(updated))


@routes.put(Route.EVENT_MOVE)
async def event_stream_move(request: web.Request) -> web.Response:
    """Put an event stream into another folder."""
    body = await json_body(request)
    catalog = node_of(request).catalog
    moved = await catalog.move_event_stream(body_source(body), body_destination(body))
    return web.json_response({"stream": event_stream_to_json(moved)})


@routes.delete(Route.EVENT)
async def event_stream_delete(request: web.Request) -> web.Response:
    """Delete an event stream with its events."""
    await node_of(request).catalog.delete_event_stream(query_spec(request))
    return ok()
