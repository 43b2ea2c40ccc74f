"""Every value in the bodies about event streams, events, annotations and masters as it cannot be.

The answer is the status and the text of the protocol, and nothing that is stored changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.server.rules import (
    BAD_DESTINATION,
    BAD_NAMES,
    BAD_UPDATE,
    NO_BODY_IDS,
    NO_TEXTS,
    SPECIFICATION,
    UNKNOWN_IDS,
    Requests,
    assert_rules,
    bad,
    source,
    unknown,
)
from tests.unit.server.tree import NEW_EVENTS

if TYPE_CHECKING:
    from tests.unit.server.support import Http


pytestmark = pytest.mark.furnished


CASES = (
    Requests(
        "POST",
        "/event.json",
        {"stream": NEW_EVENTS, "dest_path": "/a"},
        (
            bad("stream", ..., text="provide a stream"),
            bad("stream", None, 1, "x", [], text="Invalid stream JSON: "),
            *(
                bad(f"stream.{key}", ..., text=f"Invalid or missing stream attribute: '{key}'")
                for key in NEW_EVENTS
                if key != "chunk_duration_us"
            ),
            *BAD_NAMES,
            bad(
                "stream.event_fields",
                3,
                "x",
                [],
                text=SPECIFICATION + "event_fields must be a dictionary",
            ),
            bad(
                "stream.event_fields",
                {"a": "odd"},
                {"a": 3},
                {"a": None},
                {"a": "category:x"},
                {"a": "category:[]"},
                {"a": "category:" + "[" * 5000},
                text=SPECIFICATION + "invalid value in event_fields",
            ),
            bad(
                "stream.keep_us",
                "x",
                None,
                [],
                1.5,
                True,
                2**64,
                -2,
                text=SPECIFICATION + "invalid keep_us",
            ),
            bad(
                "stream.chunk_duration_us",
                "x",
                [],
                1.5,
                True,
                -1,
                text=SPECIFICATION + "invalid chunk_duration_us",
            ),
            bad("stream.description", 3, [], {}, text="Invalid stream JSON: "),
            *BAD_DESTINATION,
        ),
    ),
    Requests(
        "PUT",
        "/event.json",
        {"id": 1, "stream": {"name": "new"}},
        (
            *BAD_UPDATE,
            unknown("id", *UNKNOWN_IDS, text="stream does not exist"),
            bad("stream", ..., None, text="Invalid request: specify stream as JSON"),
            bad("stream", 1, "x", [], True, text="error: [stream] attribute must be JSON"),
            bad("stream.name", "", None, 5, "a/b", "x", text=SPECIFICATION),
            bad("stream.event_fields", None, 3, {"a": "odd"}, text=SPECIFICATION),
            bad("stream.keep_us", "x", None, -2, 2**64, text=SPECIFICATION),
            bad("stream.chunk_duration_us", "x", None, -2, 2**64, text=SPECIFICATION),
            bad("stream.description", 3, [], {}, text=SPECIFICATION),
        ),
    ),
    Requests(
        "PUT",
        "/event/move.json",
        {"src_path": "/a/ev", "dest_path": "/b"},
        (
            *source("stream does not exist", "specify an id or a path"),
            *BAD_DESTINATION,
            bad(
                "dest_path", "/a", text="stream with the same name exists in the destination folder"
            ),
        ),
    ),
    Requests(
        "POST",
        "/event/data.json",
        {
            "id": 1,
            "events": [
                {"event_stream_id": 1, "id": 1, "start_time": 1, "end_time": 2, "content": {}}
            ],
        },
        (
            bad("id", ..., *NO_BODY_IDS, text="specify an id or a path"),
            unknown("id", *UNKNOWN_IDS, text="stream does not exist"),
            unknown("path", "", "/none", "/a/x", text="stream does not exist"),
            bad("path", *NO_TEXTS, text="specify an id or a path"),
            bad("events", ..., None, 1, "x", {}, True, text="specify events to add"),
            bad("events", [1], ["x"], [None], [[]], text="all events must have an event_stream_id"),
            bad("events.0.event_stream_id", ..., text="all events must have an event_stream_id"),
            *(
                bad(f"events.0.{key}", ..., text=f"Invalid or missing event attribute: '{key}'")
                for key in ("start_time", "end_time", "content")
            ),
            *(
                bad(
                    f"events.0.{key}",
                    "x",
                    "",
                    [],
                    {},
                    True,
                    1.5,
                    2**64,
                    text="Invalid event JSON: ",
                )
                for key in ("start_time", "end_time", "id", "event_stream_id")
            ),
            bad("events.0.start_time", 2, 3, 2**62, text=""),
            bad("events.0.end_time", 1, 0, text=""),
            bad("events.0.content", None, 1, "x", [], text="Invalid event JSON: "),
        ),
    ),
    Requests(
        "POST",
        "/annotation.json",
        {"stream_id": 1, "title": "t", "start": 5},
        (
            bad("stream_id", ..., True, 1.5, "x", [], {}, text="specify a stream_id"),
            unknown("stream_id", *UNKNOWN_IDS, text="stream does not exist"),
            bad("title", ..., None, "", text="title is reqiured"),
            bad("title", *NO_TEXTS, text="invalid values for annotation"),
            bad(
                "start",
                ...,
                None,
                "x",
                "",
                [],
                {},
                True,
                2**64,
                1e300,
                text="invalid values for annotation",
            ),
            bad("end", "x", "", [], {}, True, 2**64, text="invalid values for annotation"),
            bad("end", 5, 4, -(2**62), text="[start] must be before [end]"),
            bad("content", *NO_TEXTS, text="invalid values for annotation"),
        ),
    ),
    Requests(
        "PUT",
        "/annotation.json",
        {"id": 1, "title": "t"},
        (
            bad("id", ..., *NO_BODY_IDS, text="specify an id"),
            unknown("id", *UNKNOWN_IDS, text="annotation does not exist"),
            bad("title", None, "", text="annotation title is reqiured"),
            bad("title", *NO_TEXTS, text=""),
            bad("content", *NO_TEXTS, text=""),
        ),
    ),
    Requests(
        "POST",
        "/master.json",
        {"master_type": "user", "identifier": "bob"},
        (
            bad(
                "master_type",
                ...,
                None,
                3,
                "",
                "odd",
                [],
                text="master_type must be [user|joule|lumen]",
            ),
            bad("identifier", ..., None, 3, "", [], text="Invalid request 'identifier'"),
            bad("api_key", 3, "", "short", [], text="API Key must be at least 32 characters"),
        ),
    ),
)


@pytest.mark.parametrize("route", CASES, ids=str)
async def test_a_body_against_the_rules_is_refused_and_changes_nothing(
    http: Http, route: Requests
) -> None:
    await assert_rules(http, route)
