"""Which folders and streams a set of elements and event streams belongs to, for links to plots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.server.services import node_of
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from joule.models.events import EventStream
    from joule.models.streams import DataStream
    from joule.node import LocalNode
    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()


@routes.get(Route.FOLDER_MAP)
async def folder_map(request: web.Request) -> web.Response:
    """Give the streams of elements, and all folders above them; unknown ids are left out."""
    elements, events = _ids(request, "data_stream_elements"), _ids(request, "event_streams")
    return web.json_response(_map(node_of(request), elements, events))


def _map(node: LocalNode, element_ids: Sequence[int], event_ids: Sequence[int]) -> JsonObject:
    owners = {
        element.id: stream for stream in node.catalog.data_streams() for element in stream.elements
    }
    owner_of = {id_: owners[id_] for id_ in element_ids if id_ in owners}
    wanted = set(event_ids)
    event_streams = [s for s in node.catalog.event_streams() if s.id in wanted]
    return {
        "node_uuid": str(node.uuid),
        "event_stream_ids": event_ids,
        "data_stream_ids": sorted({stream.id for stream in owner_of.values()}),
        "data_element_ids": element_ids,
        "folder_ids": _folder_ids(node, [*owner_of.values(), *event_streams]),
        "data_stream_element_map": {str(id_): stream.id for id_, stream in owner_of.items()},
    }


def _folder_ids(node: LocalNode, streams: Iterable[DataStream | EventStream]) -> list[int]:
    homes = [node.catalog.folder_of(stream) for stream in streams]
    return sorted({folder.id for home in homes for folder in node.catalog.ancestors(home)})


def _ids(request: web.Request, name: str) -> list[int]:
    fault = f"parameter {name} must be a JSON list of ids"
    try:
        ids = json.loads(request.query.get(name) or "[]")
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(fault) from error
    if not isinstance(ids, list) or not all(type(id_) is int for id_ in ids):
        raise InvalidRequestError(fault)
    return ids
