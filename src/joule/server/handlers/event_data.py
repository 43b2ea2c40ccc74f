"""Events: add, update, read, count and remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.errors import InvalidRequestError
from joule.models.filters import EventFilter
from joule.node import Histogram
from joule.server.params import (
    body_spec,
    json_object,
    json_text,
    query_bound,
    query_integer,
    query_interval,
    query_spec,
)
from joule.server.responses import json_text_answer, long_json, ok
from joule.server.services import node_of
from joule.storage.interfaces import EventQuery
from joule.wire.event_text import found_text, sent_events
from joule.wire.json_models import event_from_json, event_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.models.events import Event
    from joule.wire.json_models.values import JsonObject

routes = web.RouteTableDef()


@routes.post(Route.EVENT_DATA)
async def events_write(request: web.Request) -> web.Response:
    """Store events and answer them with their ids, in order."""
    text = await json_text(request)
    sent = sent_events(text)
    node = node_of(request)
    if sent is not None:
        stream, events = node.catalog.event_stream(body_spec(sent.spec)), sent.events
    else:
        body = json_object(text)
        stream = node.catalog.event_stream(body_spec(body))
        events = _events(body.get("events"))
    await node.events.write(stream, events)
    items = [event_to_json(event) for event in events]
    return long_json({"count": len(events), "events": items, "node_uuid": str(node.uuid)})


@routes.get(Route.EVENT_DATA)
async def events_read(request: web.Request) -> web.Response:
    """Give the events of a range, or a histogram when they are more than ``limit``."""
    node = node_of(request)
    stream = node.catalog.event_stream(query_spec(request))
    limit, query = _limit(request), _query(request)
    if "return-subset" in request.query:
        found = await node.events.read_some(stream, query, limit, _after(request))
        return json_text_answer(found_text(stream.id, found))
    shown = await node.events.overview(stream, query, limit)
    if isinstance(shown, Histogram):
        return web.json_response(_histogram_to_json(shown))
    return json_text_answer(found_text(stream.id, shown))


@routes.get(Route.EVENT_DATA_COUNT)
async def events_count(request: web.Request) -> web.Response:
    """Count the events of a range."""
    node = node_of(request)
    stream = node.catalog.event_stream(query_spec(request))
    return web.json_response({"count": await node.events.count(stream, _query(request))})


@routes.delete(Route.EVENT_DATA)
async def events_remove(request: web.Request) -> web.Response:
    """Remove the events that are active in a range, also those that began before it."""
    node = node_of(request)
    stream = node.catalog.event_stream(query_spec(request))
    query = EventQuery(query_interval(request), ongoing=True, where=_filter(request))
    await node.events.remove(stream, query)
    return ok()


def _histogram_to_json(shown: Histogram) -> JsonObject:
    pieces = [
        {"id": -1, "start_time": start, "end_time": end, "content": {"count": count}}
        for start, end, count in shown.buckets()
    ]
    return {"count": shown.count, "events": pieces, "type": "histogram"}


def _events(values: Any) -> list[Event]:
    if not isinstance(values, list):
        raise InvalidRequestError("specify events to add")
    if not all(isinstance(value, dict) and "event_stream_id" in value for value in values):
        raise InvalidRequestError("all events must have an event_stream_id")
    return [_event(value) for value in values]


def _event(value: JsonObject) -> Event:
    try:
        return event_from_json(value)
    except KeyError as error:
        raise InvalidRequestError(f"Invalid or missing event attribute: {error}") from error
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"Invalid event JSON: {error}") from error


def _limit(request: web.Request) -> int:
    fault = "limit parameter must be an integer > 0"
    try:
        limit = query_integer(request, "limit")
    except InvalidRequestError as error:
        raise InvalidRequestError(fault) from error
    if limit is None:
        raise InvalidRequestError("limit parameter is required")
    if limit < 0:
        raise InvalidRequestError(fault)
    return limit


def _query(request: web.Request) -> EventQuery:
    return EventQuery(
        query_interval(request),
        ongoing=bool(query_integer(request, "include-ongoing-events")),
        where=_filter(request),
    )


def _after(request: web.Request) -> tuple[int, int] | None:
    """Give start time and id of the event behind which a read goes on."""
    start, event_id = query_bound(request, "after-start"), query_bound(request, "after-id")
    return None if start is None or event_id is None else (start, event_id)


def _filter(request: web.Request) -> EventFilter | None:
    text = request.query.get("filter")
    return EventFilter.parse(text) if text else None
