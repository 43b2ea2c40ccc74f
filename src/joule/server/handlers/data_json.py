"""Reading of data as JSON, for plots."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import InvalidRequestError, NoDataError
from joule.server.params import query_reading, query_spec
from joule.server.services import node_of
from joule.server.streams import LASTING, begun, cut_off, sending
from joule.wire.plots import PlotEncoder
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from joule.node import Reading
    from joule.storage.interfaces import Block

routes = web.RouteTableDef()

_VALUES_MAX = 65_536
_HEADERS = {"Content-Type": "application/json; charset=utf-8"}


@routes.get(Route.DATA_JSON)
async def data_json(request: web.Request) -> web.StreamResponse:
    """Send the rows of a range as a list of intervals, each a list of rows."""
    if request.query.get("subscribe") == "1":
        raise InvalidRequestError("JSON subscription not implemented")
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    interval, choice = query_reading(request)
    try:
        reading = await node.data.read(stream, interval, **choice)
    except NoDataError:
        return web.json_response({"data": [], "decimation_factor": 1})
    return await _send(request, reading)


async def _send(request: web.Request, reading: Reading) -> web.StreamResponse:
    with request.app[LASTING].until_stopped() as outcome:
        async with begun(reading.blocks) as blocks, sending(request, _HEADERS) as response:
            if request.method != "HEAD":
                async for text in _plot(blocks, reading.level):
                    await response.write(text.encode())
    if outcome.stopped:
        cut_off(request)
    return response


async def _plot(blocks: AsyncIterator[Block], level: int) -> AsyncIterator[str]:
    encoder = PlotEncoder()
    yield '{"data":['
    async for block in blocks:
        for piece in _pieces(block):
            yield await asyncio.to_thread(encoder.encode, piece)
    yield encoder.finish()
    if encoder.empty:
        yield "[]"
    yield f'],"decimation_factor":{level}}}'


def _pieces(block: Block) -> Iterator[Block]:
    """Cut a block so that the text of a piece stays small."""
    step = max(1, _VALUES_MAX // (1 + block.rows["data"].shape[1]))
    for start in range(0, max(1, len(block.rows)), step):
        yield block._replace(
            rows=block.rows[start : start + step],
            starts_interval=block.starts_interval and not start,
        )
