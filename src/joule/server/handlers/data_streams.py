"""Data streams: their metadata."""

from __future__ import annotations

from aiohttp import web

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
from joule.wire.json_models import data_stream_from_json, data_stream_to_json
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.STREAM)
async def stream_get(request: web.Request) -> web.Response:
    """Give one data stream, with ``data_info`` unless the query has ``no-info``."""
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    info = None if "no-info" in request.query else await node.data.info(stream)
    return web.json_response(data_stream_to_json(stream, info))


@routes.post(Route.STREAM)
async def stream_create(request: web.Request) -> web.Response:
    """Create a data stream; its ids and status flags are the node's to give."""
    body = await json_body(request)
    stream = body_new(body, data_stream_from_json)
    created = await node_of(request).catalog.create_data_stream(stream, body_destination(body))
    return web.json_response(data_stream_to_json(created))


@routes.put(Route.STREAM)
async def stream_update(request: web.Request) -> web.Response:
    """Change some attributes of a data stream or its elements."""
    body = await json_body(request)
    catalog = node_of(request).catalog
    stream = catalog.data_stream(body_id(body))
    updated = await catalog.update_data_stream(stream.id, body_changes(body, "stream"))
    return web.json_response(data_stream_to_json(updated))


@routes.put(Route.STREAM_MOVE)
async def stream_move(request: web.Request) -> web.Response:
    """Put a data stream into another folder."""
    body = await json_body(request)
    source = body_source(body, "specify a source id or a path")
    moved = await node_of(request).catalog.move_data_stream(source, body_destination(body))
    return web.json_response({"stream": data_stream_to_json(moved)})


@routes.delete(Route.STREAM)
async def stream_delete(request: web.Request) -> web.Response:
    """Delete a data stream with its data and annotations."""
    await node_of(request).catalog.delete_data_stream(query_spec(request))
    return ok()
