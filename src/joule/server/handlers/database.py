"""The database of the node: how a program could connect to it."""

from __future__ import annotations

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.server.services import node_of
from joule.wire.routes import Route

routes = web.RouteTableDef()


@routes.get(Route.DB_CONNECTION)
async def connection(request: web.Request) -> web.Response:
    """Say how to connect to the database server, or what to do where there is none."""
    node = node_of(request)
    database = node.engine.database
    if database is not None:
        return web.json_response(database.connection_info().to_json())
    usage = await node.usage()
    raise InvalidRequestError(
        f"this node keeps its data in [{usage.path}], there is no database server: read it through "
        "the API, with Node.db_connect() on the node's own machine, or from a copy made by "
        "[joule admin backup]"
    )
