"""Folders: the tree, one folder, rename, move and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from joule.server.params import (
    body_changes,
    body_destination,
    body_id,
    body_source,
    json_body,
    query_spec,
)
from joule.server.responses import long_json, ok
from joule.server.services import node_of
from joule.wire.json_models import active_data_streams, folder_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.models.folders import Folder
    from joule.node import LocalNode
    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()


@routes.get(Route.FOLDERS)
async def folder_tree(request: web.Request) -> web.Response:
    """Give the whole tree, with ``data_info`` of every stream when the query has it."""
    node = node_of(request)
    root = node.catalog.root()
    tree = await _with_info(node, root) if "data-info" in request.query else folder_to_json(root)
    tree["active_data_streams"] = active_data_streams(root)
    return long_json(tree)


@routes.get(Route.FOLDER)
async def folder_get(request: web.Request) -> web.Response:
    """Give one folder and everything below it."""
    folder = node_of(request).catalog.folder(query_spec(request))
    return long_json(folder_to_json(folder))


@routes.put(Route.FOLDER)
async def folder_update(request: web.Request) -> web.Response:
    """Change name or description."""
    body = await json_body(request)
    catalog = node_of(request).catalog
    folder = catalog.folder(body_id(body))
    await catalog.update_folder(folder.id, body_changes(body, "folder"))
    return web.json_response(folder_to_json(catalog.folder(folder.id)))


@routes.put(Route.FOLDER_MOVE)
async def folder_move(request: web.Request) -> web.Response:
    """Make a folder the child of another one; the answer calls it ``stream``."""
    body = await json_body(request)
    folder = await node_of(request).catalog.move_folder(body_source(body), body_destination(body))
    return web.json_response({"stream": folder_to_json(folder)})


@routes.delete(Route.FOLDER)
async def folder_delete(request: web.Request) -> web.Response:
    """Delete a folder with the streams in it, and what is below it with ``recursive=1``."""
    recursive = request.query.get("recursive") == "1"
    await node_of(request).catalog.delete_folder(query_spec(request), recursive)
    return ok()


async def _with_info(node: LocalNode, root: Folder) -> JsonObject:
    data_infos = await node.data.infos(node.catalog.data_streams())
    event_infos = await node.events.infos(node.catalog.event_streams())
    return folder_to_json(root, data_infos, event_infos)
