"""Every value in the bodies about data streams and folders as it cannot be.

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
    SPECIFICATION,
    UNKNOWN_IDS,
    Requests,
    assert_rules,
    bad,
    source,
    unknown,
)
from tests.unit.server.tree import NEW_STREAM

if TYPE_CHECKING:
    from tests.unit.server.support import Http


pytestmark = pytest.mark.furnished


NO_NUMBERS: tuple[object, ...] = ("x", "", [], {}, True)

BAD_ELEMENT = (
    bad("stream.elements.0.display_type", "odd", "", text=SPECIFICATION + "invalid display_type ["),
    bad("stream.elements.0.name", "", text=SPECIFICATION + "missing name"),
)

BAD_STREAM = (
    bad("stream", ..., text="provide a stream"),
    bad("stream", None, 1, "x", [], True, text="Invalid stream JSON: "),
    *(
        bad(f"stream.{key}", ..., text=f"Invalid or missing stream attribute: '{key}'")
        for key in NEW_STREAM
    ),
    *(
        bad(f"stream.elements.0.{key}", ..., text=f"Invalid or missing stream attribute: '{key}'")
        for key in NEW_STREAM["elements"][0]
    ),
    *BAD_NAMES,
    *BAD_ELEMENT,
    bad(
        "stream.datatype",
        "int8",
        "",
        "float",
        "\N{SNOWMAN}",
        text=SPECIFICATION + "invalid datatype [",
    ),
    bad("stream.datatype", None, 3, [], text="Invalid stream JSON: "),
    bad("stream.keep_us", "x", None, [], 1.5, True, 2**64, 10**40, text="Invalid stream JSON: "),
    bad("stream.keep_us", -2, -(2**62), text=SPECIFICATION + "invalid keep_us"),
    bad("stream.decimate", None, "x", 3, [], text="Invalid stream JSON: "),
    bad("stream.description", 3, [], {}, text="Invalid stream JSON: "),
    bad("stream.elements", [], text=SPECIFICATION + "stream must have at least one element"),
    bad(
        "stream.elements", None, 3, "x", {}, [3], [None], ["x"], [[]], text="Invalid stream JSON: "
    ),
    bad(
        "stream.elements",
        [NEW_STREAM["elements"][0]] * 2,
        text=SPECIFICATION + "element names must be unique",
    ),
    *(
        bad(f"stream.elements.0.{key}", *NO_NUMBERS, text="Invalid stream JSON: ")
        for key in ("offset", "scale_factor", "default_max")
    ),
    bad("stream.elements.0.name", None, 3, [], text="Invalid stream JSON: "),
    bad("stream.elements.0.units", 3, [], text="Invalid stream JSON: "),
    bad("stream.elements.0.plottable", "yes", 3, [], text="Invalid stream JSON: "),
    *BAD_DESTINATION,
)

CASES = (
    Requests("POST", "/stream.json", {"stream": NEW_STREAM, "dest_path": "/a"}, BAD_STREAM),
    Requests(
        "POST",
        "/stream.json",
        {"stream": NEW_STREAM, "dest_id": 2},
        (
            bad("dest_id", ..., *NO_BODY_IDS, text="specify a destination"),
            unknown("dest_id", *UNKNOWN_IDS, text="folder does not exist"),
        ),
    ),
    Requests(
        "PUT",
        "/stream.json",
        {"id": 1, "stream": {"name": "new", "elements": [{"name": "a"}, {"name": "b"}]}},
        (
            *BAD_UPDATE,
            unknown("id", *UNKNOWN_IDS, text="stream does not exist"),
            bad("stream", ..., None, text="Invalid request: specify stream as JSON"),
            bad("stream", 1, "x", [], True, text="error: [stream] attribute must be JSON"),
            bad("stream.name", "", None, 5, [], text=SPECIFICATION + "missing name"),
            bad("stream.name", "a/b", text=SPECIFICATION + "invalid name"),
            bad("stream.name", "ev", text=SPECIFICATION + "stream with the same name exists"),
            bad("stream.elements", [], [{}], [{}, {}, {}], None, 3, "xy", {}, text=SPECIFICATION),
            bad("stream.elements", [{}, 3], [None, {}], ["x", "y"], text=SPECIFICATION),
            *BAD_ELEMENT,
            *(
                bad(
                    f"stream.elements.0.{key}",
                    *NO_NUMBERS,
                    text=SPECIFICATION + "Invalid element configuration",
                )
                for key in ("offset", "scale_factor", "default_max", "default_min")
            ),
            bad(
                "stream.elements.0",
                {"default_min": 2, "default_max": 1},
                {"default_min": 1, "default_max": 1},
                text=SPECIFICATION + "[default_m",
            ),
            bad("stream.keep_us", "x", None, [], 1.5, True, -2, 2**64, text=SPECIFICATION),
            bad("stream.decimate", "x", None, [], 3, text=SPECIFICATION),
            bad("stream.description", 3, [], {}, text=SPECIFICATION),
        ),
    ),
    Requests(
        "PUT",
        "/stream/move.json",
        {"src_path": "/a/x", "dest_path": "/b"},
        (
            *source("stream does not exist", "specify a source id or a path"),
            *BAD_DESTINATION,
            bad(
                "dest_path", "/a", text="stream with the same name exists in the destination folder"
            ),
        ),
    ),
    Requests(
        "PUT",
        "/folder.json",
        {"id": 2, "folder": {"name": "b"}},
        (
            *BAD_UPDATE,
            unknown("id", *UNKNOWN_IDS, text="folder does not exist"),
            bad("id", 1, text="folder is locked"),
            bad("folder", ..., None, text="Invalid request: specify folder as JSON"),
            bad("folder", 1, "x", [], True, text="error: [folder] attribute must be JSON"),
            bad("folder.name", "", None, 5, [], text="error: missing name"),
            bad("folder.name", "a/b", "/", text="error: invalid name, '\\' not allowed"),
            bad("folder.description", 3, [], {}, text="error: "),
        ),
    ),
    Requests(
        "PUT",
        "/folder/move.json",
        {"src_path": "/a", "dest_path": "/b"},
        (
            *source("folder does not exist", "specify an id or a path")[:1],
            unknown("src_path", "", "//", "/none", "/a/none", "a", text="folder does not exist"),
            bad("src_path", "/", text="folder is locked"),
            *BAD_DESTINATION,
            bad("dest_path", "/", text="a folder with this name is in the destination folder"),
            bad(
                "dest_path", "/a", "/a/b", "/a/b/c", text="cannot place a parent in a child folder"
            ),
        ),
    ),
)


@pytest.mark.parametrize("route", CASES, ids=str)
async def test_a_body_against_the_rules_is_refused_and_changes_nothing(
    http: Http, route: Requests
) -> None:
    await assert_rules(http, route)
