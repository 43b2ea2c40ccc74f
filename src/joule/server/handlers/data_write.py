"""Writing of data: a body of packed rows of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import DataError, StorageError
from joule.models.framing import RowDecoder
from joule.server.params import query_duration, query_integer, query_spec
from joule.server.responses import ok
from joule.server.services import node_of
from joule.server.streams import LASTING
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.node import Writer

routes = web.RouteTableDef()


@routes.post(Route.DATA)
async def data_write(request: web.Request) -> web.Response:
    """Store the rows in the body; the answer comes when all of them are durable.

    Rows before the first fault are kept, also those before a lost connection.
    """
    node = node_of(request)
    stream = node.catalog.data_stream(query_spec(request))
    decoder = RowDecoder(stream.rows_layout)
    writer = await node.data.open_writer(
        stream, merge_gap_us=_merge_gap(request), can_retry=True, backfill=_is_backfill(request)
    )
    with request.app[LASTING].until_stopped() as outcome:
        await _receive(request, decoder, writer)
    if outcome.stopped:
        raise StorageError("the node is stopping, the rows that came until now are kept")
    if decoder.partial_bytes:
        raise DataError(
            f"incomplete row at the end of the data, {decoder.partial_bytes} bytes of "
            f"{stream.rows_layout.row_bytes}; the rows before it are stored"
        )
    return ok()


async def _receive(request: web.Request, decoder: RowDecoder, writer: Writer) -> None:
    """Feed the body to the writer and let go of the stream, whatever happens.

    Each turn takes all that came while the rows before were written, about 2 MiB at most: a fast
    sender shares the cost of merging late rows, a slow one does not wait for more to come.
    """
    try:
        async for data in request.content.iter_any():
            for rows, ends_interval in decoder.feed(data):
                if len(rows):
                    await writer.write(rows)
                if ends_interval:
                    await writer.end_interval()
    except BaseException:
        await writer.abort()
        raise
    await writer.close()


def _merge_gap(request: web.Request) -> int:
    return query_duration(request, "merge-gap", "merge-gap must be an integer") or 0


def _is_backfill(request: web.Request) -> bool:
    return bool(query_integer(request, "backfill"))
