"""The JSON objects of the protocol as schemas, one for each encoder of ``wire.json_models``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from joule.models.annotations import AnnotationInfo
from joule.models.base import DATATYPES
from joule.models.events import EventStreamInfo
from joule.models.streams import DISPLAY_TYPES, DataStreamInfo
from joule.wire.openapi.node_objects import NODE_OBJECTS
from joule.wire.openapi.schemas import (
    ANYTHING,
    COUNT,
    FLAG,
    ID,
    INT64,
    INTEGER,
    KEEP,
    NAME,
    NUMBER,
    TEXT,
    TIME,
    changes,
    list_of,
    map_of,
    one_of,
    optional,
    record,
    ref,
    tuple_of,
)

if TYPE_CHECKING:
    from joule.wire.openapi.schemas import Schema

NO_ID: Schema = {"description": "ignored, the node gives the id", **optional(INT64)}
UPDATED: Schema = {"type": "string", "format": "date-time", "description": "of the last change"}


def _info(kind: type[DataStreamInfo | EventStreamInfo | AnnotationInfo], text: str) -> Schema:
    bounds = ("start", "end")
    values = {f.name: optional(TIME) if f.name in bounds else COUNT for f in fields(kind)}
    return record(values, text=text)


# --------------------------------------------------------------------------- data streams

_ELEMENT: dict[str, Schema] = {
    "name": NAME,
    "units": optional(TEXT),
    "plottable": optional(FLAG),
    "display_type": one_of(*(kind.upper() for kind in DISPLAY_TYPES)),
    "offset": NUMBER,
    "scale_factor": NUMBER,
    "default_max": optional(NUMBER),
    "default_min": optional(NUMBER),
}

_STREAM: dict[str, Schema] = {
    "name": NAME,
    "description": optional(TEXT),
    "datatype": one_of(*DATATYPES),
    "keep_us": KEEP,
    "decimate": FLAG,
    "is_configured": FLAG,
    "is_source": FLAG,
    "is_destination": FLAG,
}

_DATA: dict[str, Schema] = {
    "Element": record(
        {"id": ID, "index": COUNT, **_ELEMENT},
        text="A column. It is shown as (value - offset) * scale_factor.",
    ),
    "NewElement": record({"id": NO_ID, "index": optional(INT64), **_ELEMENT}),
    "DataStream": record(
        {
            "id": ID,
            **_STREAM,
            "layout": {"type": "string", "pattern": "^[a-z0-9]+_[1-9][0-9]*$"},
            "locked": FLAG,
            "active": FLAG,
            "updated_at": UPDATED,
            "elements": list_of(ref("Element"), minItems=1),
            "data_info": ref("DataStreamInfo"),
        },
        absent=("data_info", "updated_at"),
        text="Rows of a timestamp and one value per element.",
    ),
    "NewDataStream": record(
        {"id": NO_ID, **_STREAM, "elements": list_of(ref("NewElement"), minItems=1)},
        text="The status flags and the indexes are ignored.",
    ),
    "DataStreamChanges": changes(
        {
            "name": NAME,
            "description": optional(TEXT),
            "keep_us": KEEP,
            "decimate": FLAG,
            "elements": list_of(changes(_ELEMENT)),
        },
        text="As many elements as the stream has, each as far as it changes. Other keys are "
        "ignored.",
    ),
    "DataStreamInfo": _info(
        DataStreamInfo, "First and last timestamp (null when empty), rows and bytes stored."
    ),
    "Plot": record(
        {
            "data": list_of(list_of(list_of(NUMBER))),
            "decimation_factor": {"type": "integer", "minimum": 1},
        },
        text="A list of intervals, each a list of rows [time, value...]; of decimated rows the "
        "values are all means, then all minima, then all maxima.",
    ),
    "Interval": {**tuple_of(TIME, TIME), "description": "first time and last time + 1"},
}

# --------------------------------------------------------------------------- events

_CATEGORIES = r'^category:\[\s*"([^"\\]|\\.)*"\s*(,\s*"([^"\\]|\\.)*"\s*)*\]$'

_FIELDS: Schema = {
    **map_of({"anyOf": [one_of("string", "numeric"), {"type": "string", "pattern": _CATEGORIES}]}),
    "description": "field name to string, numeric, or category: with a JSON list of texts",
}

_EVENT_STREAM: dict[str, Schema] = {
    "name": NAME,
    "description": optional(TEXT),
    "event_fields": _FIELDS,
    "chunk_duration_us": {**INT64, "minimum": 0},
    "keep_us": KEEP,
}

_CLAUSES: Schema = {
    "anyOf": [
        tuple_of(TEXT, one_of("is", "not", "like", "unlike"), TEXT),
        tuple_of(
            TEXT,
            one_of("gt", "gte", "lt", "lte", "eq", "neq"),
            {
                "anyOf": [
                    NUMBER,
                    {"type": "string", "pattern": r"^-?[0-9]{1,300}(\.[0-9]{1,300})?$"},
                ]
            },
        ),
    ]
}

_EVENTS: dict[str, Schema] = {
    "EventStream": record(
        {"id": ID, **_EVENT_STREAM, "updated_at": UPDATED, "data_info": ref("EventStreamInfo")},
        absent=("data_info", "updated_at"),
    ),
    "NewEventStream": record({"id": NO_ID, **_EVENT_STREAM}, absent=("chunk_duration_us",)),
    "EventStreamChanges": changes(_EVENT_STREAM, text="Other keys are ignored."),
    "EventStreamInfo": _info(
        EventStreamInfo, "First start and last end (null when empty), number of events and bytes."
    ),
    "Event": record(
        {
            "id": ID,
            "event_stream_id": ID,
            "start_time": TIME,
            "end_time": optional(TIME),
            "content": map_of(ANYTHING),
        },
        text="Something that happened from start_time to end_time; null: it has not ended.",
    ),
    "NewEvent": record(
        {
            "id": optional(INT64),
            "event_stream_id": optional(INT64),
            "start_time": TIME,
            "end_time": optional(TIME),
            "content": map_of(ANYTHING),
        },
        absent=("id",),
        text="Updates the event of this id if event_stream_id is that of the stream, else is new.",
    ),
    "EventFilter": {
        **list_of(list_of(_CLAUSES)),
        "description": "Groups of clauses [key, operator, value]: clauses of a group are ANDed, "
        "groups are ORed. An event without the key matches no clause.",
    },
    "EventList": record(
        {"count": COUNT, "events": list_of(ref("Event")), "type": one_of("events")}
    ),
    "EventHistogram": record(
        {
            "count": COUNT,
            "events": list_of(
                record(
                    {
                        "id": one_of(-1),
                        "start_time": TIME,
                        "end_time": TIME,
                        "content": record({"count": COUNT}),
                    }
                )
            ),
            "type": one_of("histogram"),
        },
        text="How many events there are, and in each event here how many start then.",
    ),
}

# --------------------------------------------------------------------------- folders and notes

_FOLDER: dict[str, Schema] = {
    "id": ID,
    "name": NAME,
    "description": optional(TEXT),
    "locked": FLAG,
    "updated_at": UPDATED,
    "children": list_of(ref("Folder")),
    "streams": list_of(ref("DataStream")),
    "event_streams": list_of(ref("EventStream")),
}

_FOLDERS: dict[str, Schema] = {
    "Folder": record(_FOLDER, absent=("updated_at",), text="A folder and all below it."),
    "FolderTree": record(
        {**_FOLDER, "active_data_streams": list_of(ID)},
        absent=("updated_at",),
        text="The root folder, and the ids of the streams that are read or written now.",
    ),
    "FolderChanges": changes(
        {"name": NAME, "description": optional(TEXT)}, text="Other keys are ignored."
    ),
    "FolderMap": record(
        {
            "node_uuid": {"type": "string", "format": "uuid"},
            "event_stream_ids": list_of(INTEGER),
            "data_stream_ids": list_of(ID),
            "data_element_ids": list_of(INTEGER),
            "folder_ids": list_of(ID),
            "data_stream_element_map": map_of(ID),
        }
    ),
    "Annotation": record(
        {
            "id": ID,
            "title": TEXT,
            "content": optional(TEXT),
            "start": TIME,
            "stream_id": ID,
            "end": optional(TIME),
        },
        text="A note at a time, or for a time.",
    ),
    "AnnotationInfo": _info(AnnotationInfo, "First and last start time, and how many."),
}

OBJECTS: dict[str, Schema] = {**_FOLDERS, **_DATA, **_EVENTS, **NODE_OBJECTS}
"""Every schema by its name."""
