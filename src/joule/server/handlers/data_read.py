"""Reading of data as packed rows: of the past, or live as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.models.framing import encode_block
from joule.server.params import query_bound, query_reading, query_spec
from joule.server.services import node_of
from joule.server.streams import LASTING, begun, cut_off, sending
from joule.wire.routes import Route
from joule.wire.rows import row_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.layout import Layout
    from joule.models.streams import DataStream
    from joule.node import Reading
    from joule.storage.interfaces import Block

routes = web.RouteTableDef()


@routes.get(Route.DATA)
async def data_read(request: web.Request) -> web.StreamResponse:
    """Send packed rows of a range, or live ones with ``subscribe=1``."""
    stream = node_of(request).catalog.data_stream(query_spec(request))
    if request.query.get("subscribe") == "1":
        return await _send_live(request, stream)
    interval, choice = query_reading(request)
    reading = await node_of(request).data.read(stream, interval, **choice)
    return await _send_past(request, reading)


async def _send_live(request: web.Request, stream: DataStream) -> web.StreamResponse:
    layout = stream.rows_layout
    async with node_of(request).data.subscribe(stream, query_bound(request, "start")) as cursor:
        with request.app[LASTING].until_stopped():
            async with sending(request, row_headers(layout, 1)) as response:
                await _send_blocks(request, response, cursor, layout)
    return response


async def _send_past(request: web.Request, reading: Reading) -> web.StreamResponse:
    headers = row_headers(reading.layout, reading.level)
    with request.app[LASTING].until_stopped() as outcome:
        async with begun(reading.blocks) as blocks, sending(request, headers) as response:
            await _send_blocks(request, response, blocks, reading.layout)
    if outcome.stopped:
        cut_off(request)
    return response


async def _send_blocks(
    request: web.Request,
    response: web.StreamResponse,
    blocks: AsyncIterator[Block],
    layout: Layout,
) -> None:
    if request.method == "HEAD":
        return
    async for block in blocks:
        for part in encode_block(block, layout):
            await response.write(part)
