"""JSON of the tree of folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.folders import Folder
from joule.wire.json_models import values as check
from joule.wire.json_models.events import event_stream_from_json, event_stream_to_json
from joule.wire.json_models.streams import data_stream_from_json, data_stream_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from joule.models.events import EventStreamInfo
    from joule.models.streams import DataStream, DataStreamInfo
    from joule.wire.json_models.values import JsonObject


def folder_to_json(
    folder: Folder,
    data_infos: Mapping[int, DataStreamInfo] | None = None,
    event_infos: Mapping[int, EventStreamInfo] | None = None,
) -> JsonObject:
    """JSON of a folder and everything below it.

    The mappings go from stream id to what is stored of the stream; a stream found in them gets a
    ``data_info``.
    """
    data_infos, event_infos = data_infos or {}, event_infos or {}
    json: JsonObject = {
        "id": folder.id if folder.is_saved else None,
        "name": folder.name,
        "description": folder.description,
        "locked": folder.locked,
        "children": [folder_to_json(child, data_infos, event_infos) for child in folder.children],
        "streams": [
            data_stream_to_json(stream, data_infos.get(stream.id)) for stream in folder.data_streams
        ],
        "event_streams": [
            event_stream_to_json(stream, event_infos.get(stream.id))
            for stream in folder.event_streams
        ],
    }
    return check.with_time(json, folder.updated_at)


def folder_from_json(json: object) -> Folder:
    """Make a folder and everything below it."""
    item = check.as_object(json, "folder")
    folder = Folder(
        name=check.as_text(item["name"], "folder name"),
        description=check.as_optional_text(item["description"], "description"),
        locked=check.as_flag(item["locked"], "locked"),
        children=[folder_from_json(c) for c in check.as_list(item["children"], "children")],
        data_streams=[data_stream_from_json(s) for s in check.as_list(item["streams"], "streams")],
        event_streams=[
            event_stream_from_json(s)
            for s in check.as_list(item.get("event_streams", []), "event_streams")
        ],
        updated_at=check.time_from_json(item.get("updated_at")),
    )
    folder.id = check.as_optional_integer(item["id"], "id")
    return folder


def active_data_streams(root: Folder) -> list[int]:
    """Ids of the data streams below ``root`` that a module or a writer uses now."""
    return [stream.id for stream in _data_streams(root) if stream.active]


def _data_streams(folder: Folder) -> Iterator[DataStream]:
    yield from folder.data_streams
    for child in folder.children:
        yield from _data_streams(child)
