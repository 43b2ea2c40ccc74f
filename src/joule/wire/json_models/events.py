"""JSON of event streams and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.events import Event, EventStream
from joule.wire.json_models import values as check
from joule.wire.json_models.infos import info_to_json

if TYPE_CHECKING:
    from joule.models.events import EventStreamInfo
    from joule.wire.json_models.values import JsonObject


def event_stream_to_json(stream: EventStream, info: EventStreamInfo | None = None) -> JsonObject:
    """JSON of an event stream, with ``data_info`` when ``info`` is given."""
    json: JsonObject = {
        "id": stream.id if stream.is_saved else None,
        "name": stream.name,
        "description": stream.description,
        "event_fields": stream.event_fields,
        "chunk_duration_us": stream.chunk_duration_us,
        "keep_us": stream.keep_us,
    }
    if info is not None:
        json["data_info"] = info_to_json(info)
    return check.with_time(json, stream.updated_at)


def event_stream_from_json(json: object) -> EventStream:
    """Make an event stream; its fields and numbers are taken as they are, for ``check()``."""
    item = check.as_object(json, "stream")
    stream = EventStream(
        name=item["name"],
        description=check.as_optional_text(item["description"], "description"),
        chunk_duration_us=item.get("chunk_duration_us", 0),
        keep_us=item["keep_us"],
        event_fields=item["event_fields"],
        updated_at=check.time_from_json(item.get("updated_at")),
    )
    stream.id = check.as_optional_integer(item["id"], "id")
    return stream


def event_to_json(event: Event) -> JsonObject:
    """JSON of an event; ids are null for one that no node has stored."""
    return {
        "id": event.id if event.is_saved else None,
        "event_stream_id": event.event_stream_id,
        "start_time": event.start_time,
        "end_time": event.end_time,
        "content": event.content,
    }


def event_from_json(json: object) -> Event:
    """Make an event; ``id`` may be absent, ``event_stream_id`` null."""
    item = check.as_object(json, "event")
    return Event(
        check.as_integer(item["start_time"], "start_time"),
        check.as_optional_integer(item["end_time"], "end_time"),
        check.as_object(item["content"], "content"),
        check.as_optional_integer(item.get("id"), "id"),
        check.as_optional_integer(item["event_stream_id"], "event_stream_id"),
    )
