"""Annotations of data streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.models.annotations import Annotation
from joule.models.intervals import Interval, bounded
from joule.server.params import (
    body_id,
    body_spec,
    json_body,
    parse_integer,
    query_bound,
    query_integer,
    query_spec,
)
from joule.server.responses import ok
from joule.server.services import node_of
from joule.wire.json_models import annotation_to_json, info_to_json
from joule.wire.json_models import values as check
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.models.streams import DataStream
    from joule.node import LocalNode

routes = web.RouteTableDef()


@routes.get(Route.ANNOTATIONS)
async def annotation_list(request: web.Request) -> web.Response:
    """List the annotations of some streams that start in a range, its end included."""
    node = node_of(request)
    stream_ids = _streams(node, request)
    notes = node.annotations.select(stream_ids, _span(request))
    return web.json_response([annotation_to_json(note) for note in notes])


@routes.get(Route.ANNOTATIONS_INFO)
async def annotation_info(request: web.Request) -> web.Response:
    """Give how many annotations a stream has, and when."""
    node = node_of(request)
    info = node.annotations.info(_stream(node, request))
    return web.json_response(info_to_json(info))


@routes.post(Route.ANNOTATION)
async def annotation_create(request: web.Request) -> web.Response:
    """Add an annotation to a stream."""
    body = await json_body(request)
    node = node_of(request)
    number = {"stream_id": body["stream_id"]} if body.get("stream_id") is not None else body
    spec = body_spec(number, text="stream_path", number="stream_id", fault="specify a stream_id")
    stream = node.catalog.data_stream(spec)
    made = await node.annotations.create(stream, _new_annotation(body))
    return web.json_response(annotation_to_json(made))


@routes.put(Route.ANNOTATION)
async def annotation_update(request: web.Request) -> web.Response:
    """Change title or content of an annotation."""
    body = await json_body(request)
    note = await node_of(request).annotations.update(body_id(body, "specify an id"), body)
    return web.json_response(annotation_to_json(note))


@routes.delete(Route.ANNOTATION)
async def annotation_delete(request: web.Request) -> web.Response:
    """Delete one annotation."""
    annotation_id = query_integer(request, "id")
    if annotation_id is None:
        raise InvalidRequestError("specify an id")
    await node_of(request).annotations.delete(annotation_id)
    return ok()


@routes.delete(Route.STREAM_ANNOTATIONS)
async def annotation_delete_all(request: web.Request) -> web.Response:
    """Delete the annotations of a stream that start in a range, its end included."""
    node = node_of(request)
    await node.annotations.delete_all(_stream(node, request), _span(request))
    return ok()


def _new_annotation(body: Mapping[str, Any]) -> Annotation:
    try:
        return Annotation(
            title=check.as_optional_text(body.get("title"), "title") or "",
            start=_time(body["start"]),
            end=None if body.get("end") is None else _time(body["end"]),
            content=check.as_optional_text(body.get("content"), "content"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequestError("invalid values for annotation") from error


def _time(value: object) -> int:
    """Read a time in UNIX us; a fraction, as browsers make them, is dropped."""
    if isinstance(value, float):
        value = check.as_number(value, "time") // 1
    return check.as_integer(value, "time")


def _stream(node: LocalNode, request: web.Request) -> DataStream:
    """Give the stream of the query; here the id wins over the path."""
    stream_id = query_integer(request, "stream_id")
    if stream_id is not None:
        return node.catalog.data_stream(stream_id)
    return node.catalog.data_stream(query_spec(request, text="stream_path"))


def _streams(node: LocalNode, request: web.Request) -> set[int]:
    ids = request.query.getall("stream_id", [])
    paths = request.query.getall("stream_path", [])
    if not ids and not paths:
        raise InvalidRequestError("must specify at least one stream_id or stream_path")
    found = {node.catalog.data_stream(path).id for path in paths}
    return found | {parse_integer(text, "stream_id") for text in ids}


def _span(request: web.Request) -> Interval:
    try:
        return bounded(query_bound(request, "start"), query_bound(request, "end"))
    except InvalidRequestError as error:
        raise InvalidRequestError("[start] and [end] must be microsecond utc timestamps") from error
