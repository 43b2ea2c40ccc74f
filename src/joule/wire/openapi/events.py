"""The events of event streams."""

from __future__ import annotations

from joule.wire.openapi.operations import (
    BACKWARDS,
    BY_PATH_OR_ID,
    OK,
    RANGE,
    STREAM_REFUSED,
    Answer,
    Body,
    Operation,
    Parameter,
    bad,
    flag,
    integer,
)
from joule.wire.openapi.schemas import COUNT, INT64, INTEGER, TEXT, TIME, list_of, record, ref
from joule.wire.routes import Route

_FILTER = Parameter("filter", ref("EventFilter"), "which events are meant", is_json=True)
_ONGOING = integer("include-ongoing-events", "not 0: also events that began before the range")
_WHICH = (*BY_PATH_OR_ID, *RANGE, _FILTER)
_REFUSED = (
    *STREAM_REFUSED,
    *BACKWARDS,
    *bad("invalid filter string, <rule>", "invalid filter value, <value>"),
)

EVENTS = (
    Operation(
        "events_write",
        "post",
        Route.EVENT_DATA,
        "Add or update events",
        Answer(record({"count": COUNT, "events": list_of(ref("Event")), "node_uuid": TEXT})),
        body=Body(
            {
                **record(
                    {"path": TEXT, "id": INTEGER, "events": list_of(ref("NewEvent"))},
                    absent=("path", "id"),
                ),
                "anyOf": [{"required": ["path"]}, {"required": ["id"]}],
            },
            text="The events of one stream.",
        ),
        refused=(
            *STREAM_REFUSED,
            *bad(
                "specify events to add",
                "all events must have an event_stream_id",
                "Invalid or missing event attribute: '<key>'",
                "Invalid event JSON: <reason>",
                "[start_time] must be before <end>",
            ),
        ),
        scope="write",
    ),
    Operation(
        "events_read",
        "get",
        Route.EVENT_DATA,
        "Read the events of a range, or a histogram when they are more than the limit",
        Answer({"oneOf": [ref("EventList"), ref("EventHistogram")]}),
        (
            *_WHICH,
            _ONGOING,
            integer(
                "limit",
                "how many at most",
                COUNT,
                required=True,
                fault="limit parameter must be an integer > 0",
            ),
            flag(
                "return-subset",
                "give the first events up to the limit, the last ones when only end is given",
            ),
            integer("after-start", "with after-id: go on behind the event of this start", TIME),
            integer("after-id", "and of this id", INT64),
        ),
        refused=(*_REFUSED, *bad("limit parameter is required")),
    ),
    Operation(
        "events_count",
        "get",
        Route.EVENT_DATA_COUNT,
        "Count the events of a range",
        Answer(record({"count": COUNT})),
        (*_WHICH, _ONGOING),
        refused=_REFUSED,
    ),
    Operation(
        "events_remove",
        "delete",
        Route.EVENT_DATA,
        "Remove the events of a range, also those that began before it",
        OK,
        _WHICH,
        refused=_REFUSED,
        scope="write",
    ),
)
