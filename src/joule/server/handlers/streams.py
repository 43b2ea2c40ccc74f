"""Data streams and event streams: their metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from aiohttp import web

from joule.models.events import EventStream
from joule.models.streams import DataStream, StreamKind
from joule.server.params import (
    NO_SPEC,
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
from joule.wire.json_models import (
    data_stream_from_json,
    data_stream_to_json,
    event_stream_from_json,
    event_stream_to_json,
)
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()


@routes.get(Route.STREAM)
async def data_stream_get(request: web.Request) -> web.Response:
    """Give one data stream, with ``data_info`` unless the query has ``no-info``."""
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    info = None if "no-info" in request.query else await node.data.info(stream)
    return web.json_response(data_stream_to_json(stream, info))


@routes.get(Route.EVENT)
async def event_stream_get(request: web.Request) -> web.Response:
    """Give one event stream, always with ``data_info``."""
    node = node_of(request)
    stream = node.catalog.event_stream(query_spec(request))
    return web.json_response(event_stream_to_json(stream, await node.events.info(stream)))


@dataclass(frozen=True)
class _Changes(Generic[StreamKind]):
    """The handlers that change streams of one kind."""

    kind: type[StreamKind]
    decode: Callable[[object], StreamKind]
    encode: Callable[[StreamKind], JsonObject]
    no_source: str = NO_SPEC

    async def create(self, request: web.Request) -> web.Response:
        """Create a stream; its ids and status flags are the node's to give."""
        body = await json_body(request)
        stream = body_new(body, self.decode)
        created = await node_of(request).catalog.create_stream(stream, body_destination(body))
        return web.json_response(self.encode(created))

    async def update(self, request: web.Request) -> web.Response:
        """Change some attributes of a stream."""
        body = await json_body(request)
        catalog = node_of(request).catalog
        stream = catalog.stream(self.kind, body_id(body))
        changes = body_changes(body, "stream")
        return web.json_response(
            self.encode(await catalog.update_stream(self.kind, stream.id, changes))
        )

    async def move(self, request: web.Request) -> web.Response:
        """Put a stream into another folder."""
        body = await json_body(request)
        source, destination = body_source(body, self.no_source), body_destination(body)
        moved = await node_of(request).catalog.move_stream(self.kind, source, destination)
        return web.json_response({"stream": self.encode(moved)})

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a stream with all that is stored of it."""
        await node_of(request).catalog.delete_stream(self.kind, query_spec(request))
        return ok()


def _add(route: Route, move_route: Route, changes: _Changes[StreamKind]) -> None:
    routes.post(route)(changes.create)
    routes.put(route)(changes.update)
    routes.put(move_route)(changes.move)
    routes.delete(route)(changes.delete)


_add(
    Route.STREAM,
    Route.STREAM_MOVE,
    _Changes(
        DataStream,
        data_stream_from_json,
        data_stream_to_json,
        no_source="specify a source id or a path",
    ),
)
_add(
    Route.EVENT,
    Route.EVENT_MOVE,
    _Changes(EventStream, event_stream_from_json, event_stream_to_json),
)
