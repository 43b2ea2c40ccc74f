"""The database of the node: how a program could connect to it."""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.server.services import node_of
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.DB_CONNECTION)
async def connection(request: web.Request) -> NoReturn:
    """Say that there is no database server, and what to do instead."""
    usage = await node_of(request).usage()
    raise InvalidRequestError(
        f"this node keeps its data in [{usage.path}], there is no database server: read it through "
        "the API, with Node.db_connect() on the node's own machine, or from a copy made by "
        "[joule admin backup]"
    )
