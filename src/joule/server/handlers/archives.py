"""Archives that other nodes, or people, send to be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import StorageError
from joule.server.services import services_of
from joule.server.streams import LASTING
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.utilities import ImportLogger

_PIECE_BYTES = 1 << 20

routes = web.RouteTableDef()


@routes.post(Route.ARCHIVE)
async def archive_upload(request: web.Request) -> web.Response:
    """Import the archive in the body; the answer comes when all of it is durable."""
    report: ImportLogger | None = None
    with request.app[LASTING].until_stopped():
        report = await services_of(request).archives.take(_pieces(request))
    if report is None:
        raise StorageError("the node is stopping, send the archive again")
    return web.json_response(report.to_json())


def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    return request.content.iter_chunked(_PIECE_BYTES)
