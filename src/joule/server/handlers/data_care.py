"""What can be done to stored data: list its intervals, delete, join and decimate it."""

from __future__ import annotations

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.server.params import query_duration, query_interval, query_spec
from joule.server.responses import ok
from joule.server.services import node_of
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.DATA_INTERVALS)
async def data_intervals(request: web.Request) -> web.Response:
    """List the unbroken runs of rows in a range: first timestamp, last timestamp + 1."""
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    return web.json_response(await node.data.intervals(stream, query_interval(request)))


@routes.delete(Route.DATA)
async def data_delete(request: web.Request) -> web.Response:
    """Remove the rows of a range."""
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    await node.data.delete(stream, query_interval(request))
    return ok()


@routes.post(Route.DATA_CONSOLIDATE)
async def data_consolidate(request: web.Request) -> web.Response:
    """Join the intervals of a range whose gap is small; give how many breaks went."""
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    count = await node.data.consolidate(stream, query_interval(request), _max_gap(request))
    return web.json_response({"num_consolidated": count})


@routes.post(Route.DATA_DECIMATE)
async def data_decimate(request: web.Request) -> web.Response:
    """Compute the decimations of a stream anew."""
    node = node_of(request)
    await node.data.decimate(node.catalog.data_stream(query_spec(request)))
    return ok()


@routes.delete(Route.DATA_DECIMATE)
async def data_drop_decimations(request: web.Request) -> web.Response:
    """Drop the stored decimations of a stream."""
    node = node_of(request)
    await node.data.drop_decimations(node.catalog.data_stream(query_spec(request)))
    return ok()


def _max_gap(request: web.Request) -> int:
    fault = "specify max_gap as us integer"
    gap = query_duration(request, "max_gap", fault)
    if gap is None:
        raise InvalidRequestError(fault)
    return gap
