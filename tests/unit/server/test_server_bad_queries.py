"""Every parameter of every query with values that it cannot have.

A query against the rules gets the status and the text of the protocol, and nothing that is stored
changes. What the routes do otherwise is tested beside each noun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.server.rules import (
    Requests,
    Rule,
    assert_refused,
    bad,
    everything,
    unknown,
)

if TYPE_CHECKING:
    from tests.unit.server.support import Http


pytestmark = pytest.mark.furnished


NO_INTEGERS = (
    "abc",
    "",
    "200.5",
    "1e3",
    "NaN",
    "0x10",
    " 1",
    "1_0",
    "\N{ARABIC-INDIC DIGIT THREE}",
    "--1",
    "9" * 401,
    "null",
)

NO_IDS = ("0", "-1", "99", "9" * 30, "-" + "9" * 30)

NO_FOLDERS = ("a", "/none", "//", "/a/", "/a//b", "/\N{SNOWMAN}", "/a\x00", "/" + "x/" * 500, "/ ")

NO_STREAMS = (
    "/",
    "//",
    "/a",
    "/a/",
    "/a/x/",
    "//a/x",
    "a/x",
    "x",
    "/a/X",
    "/a/\N{SNOWMAN}",
    "/a/x\x00",
)

NO_FILTERS = (
    "{",
    "null",
    "1",
    '"x"',
    "{}",
    "[1]",
    "[[1]]",
    "[[[1]]]",
    '[[["a","is"]]]',
    "[" * 2000,
    '[[["\\ud800","is","a"]]]',
)


def integers(*names: str) -> tuple[Rule, ...]:
    return tuple(bad(name, *NO_INTEGERS, text=f"parameter {name} must be an int") for name in names)


def selected(missing: str, paths: tuple[str, ...]) -> tuple[Rule, ...]:
    """What a route that selects by path or id refuses; ``missing`` is the text of its 404."""
    return (
        bad("id", None, text="specify an id or a path"),
        unknown("id", *NO_IDS, text=missing),
        *integers("id"),
        unknown("path", *paths, text=missing),
    )


FOLDER = selected("folder does not exist", NO_FOLDERS)

STREAM = selected("stream does not exist", NO_STREAMS)

EVENTS = selected("stream does not exist", (*NO_STREAMS, "/a/x"))

BACKWARDS = (
    bad("start", 40, 41, 10**30, text="[start] must be before [end]"),
    *integers("start", "end"),
)

SIZES = (
    bad("max-rows", 0, -1, -(10**30), text="[max-rows] must be > 0"),
    bad("decimation-level", 0, -4, -(10**30), text="[decimation-level] must be > 0"),
    bad("decimation-level", 2, 3, 5, 17, text="[decimation-level] must be a power of 4"),
    *integers("max-rows", "decimation-level"),
)

LIMITS = (
    bad("limit", None, text="limit parameter is required"),
    bad("limit", *NO_INTEGERS, -1, text="limit parameter must be an integer > 0"),
)

FILTERS = (bad("filter", *NO_FILTERS, text="invalid filter string"),)

WHICH = {"id": 1, "end": 40}

NO_TIMES = "[start] and [end] must be microsecond utc timestamps"

ANNOTATED = (
    bad("stream_id", None, text="specify an id or a path"),
    unknown("stream_id", *NO_IDS, text="stream does not exist"),
    *integers("stream_id"),
)

QUERIES = (
    Requests("GET", "/folder.json", {"id": 1}, FOLDER),
    Requests("DELETE", "/folder.json", {"id": 2}, FOLDER),
    Requests("GET", "/stream.json", {"id": 1}, STREAM),
    Requests("DELETE", "/stream.json", {"id": 1}, STREAM),
    Requests("GET", "/data", WHICH, (*STREAM, *BACKWARDS, *SIZES)),
    Requests("GET", "/data", {"id": 1, "subscribe": 1, "start": 1}, (*STREAM, *integers("start"))),
    Requests("GET", "/data.json", WHICH, (*STREAM, *BACKWARDS, *SIZES)),
    Requests("GET", "/data/intervals.json", WHICH, (*STREAM, *BACKWARDS)),
    Requests("DELETE", "/data", WHICH, (*STREAM, *BACKWARDS)),
    Requests(
        "POST",
        "/data",
        {"id": 1},
        (
            *STREAM,
            bad("merge-gap", *NO_INTEGERS, text="merge-gap must be an integer"),
            bad("merge-gap", -1, -(10**30), text="merge-gap must be >= 0"),
        ),
    ),
    Requests(
        "POST",
        "/data/consolidate.json",
        WHICH | {"max_gap": 1},
        (
            *STREAM,
            *BACKWARDS,
            bad("max_gap", None, *NO_INTEGERS, text="specify max_gap as us integer"),
            bad("max_gap", 0, -1, -(10**30), text="max_gap must be postive integer"),
        ),
    ),
    Requests("POST", "/data/decimate.json", {"id": 1}, STREAM),
    Requests("DELETE", "/data/decimate.json", {"id": 1}, STREAM),
    Requests("GET", "/event.json", {"id": 1}, EVENTS),
    Requests("DELETE", "/event.json", {"id": 1}, EVENTS),
    Requests(
        "GET",
        "/event/data.json",
        WHICH | {"limit": 10},
        (*EVENTS, *BACKWARDS, *LIMITS, *FILTERS, *integers("include-ongoing-events")),
    ),
    Requests("GET", "/event/data/count.json", WHICH, (*EVENTS, *BACKWARDS, *FILTERS)),
    Requests("DELETE", "/event/data.json", WHICH, (*EVENTS, *BACKWARDS, *FILTERS)),
    Requests("GET", "/module.json", {"id": 0}, integers("id")),
    Requests(
        "GET",
        "/module.json",
        {"name": "reader"},
        (
            bad("name", None, "", text="specify a name or id"),
            unknown("name", "nobody", "READER", "\N{SNOWMAN}", "0", text="module does not exist"),
        ),
    ),
    Requests(
        "GET",
        "/module/logs.json",
        {"name": "reader"},
        (
            bad("name", None, "", text="specify a name"),
            unknown("name", "nobody", "\N{SNOWMAN}", text="module does not exist"),
        ),
    ),
    Requests(
        "GET",
        "/annotations.json",
        {"stream_id": 1},
        (
            bad("stream_id", None, text="must specify at least one stream_id or stream_path"),
            *integers("stream_id"),
            unknown("stream_path", *NO_STREAMS, text="stream does not exist"),
            bad("start", *NO_INTEGERS, text=NO_TIMES),
            bad("end", *NO_INTEGERS, text=NO_TIMES),
        ),
    ),
    Requests("GET", "/annotations/info.json", {"stream_id": 1}, ANNOTATED),
    Requests("DELETE", "/stream/annotations.json", {"stream_id": 1}, ANNOTATED),
    Requests(
        "DELETE",
        "/stream/annotations.json",
        {"stream_id": 1},
        (bad("start", *NO_INTEGERS, text=NO_TIMES), bad("end", *NO_INTEGERS, text=NO_TIMES)),
    ),
    Requests(
        "DELETE",
        "/annotation.json",
        {"id": 1},
        (
            bad("id", None, text="specify an id"),
            unknown("id", *NO_IDS, text="annotation does not exist"),
            *integers("id"),
        ),
    ),
    Requests(
        "DELETE",
        "/master.json",
        {"name": "tester", "master_type": "user"},
        (
            bad("name", None, "", text="specify name and master_type"),
            bad("master_type", None, "", "odd", "1", text="specify name and master_type"),
            bad("name", "tester", text="cannot delete yourself"),
            unknown("name", "nobody", "\N{SNOWMAN}", text=""),
        ),
    ),
    Requests(
        "DELETE",
        "/follower.json",
        {"name": "nobody"},
        (bad("name", None, "", text="specify name to remove"), unknown("name", "x", text="")),
    ),
    Requests(
        "GET",
        "/folder/map.json",
        {},
        tuple(
            bad(
                name,
                "{",
                "1",
                '"x"',
                "{}",
                '["a"]',
                "[1.5]",
                "[true]",
                "[" * 2000,
                text=f"parameter {name} must be",
            )
            for name in ("data_stream_elements", "event_streams")
        ),
    ),
    Requests(
        "GET", "/proxy.json", {"name": "p"}, (unknown("name", "q", text="proxy does not exist"),)
    ),
)


@pytest.mark.parametrize("route", QUERIES, ids=str)
async def test_a_query_against_the_rules_is_refused_and_changes_nothing(
    http: Http, route: Requests
) -> None:
    before = await everything(http)
    for rule in route.rules:
        for value in rule.values:
            query = {k: v for k, v in (route.good | {rule.name: value}).items() if v is not None}
            answer = await http(route.method, route.path, query)
            assert_refused(answer, rule, f"{route} {query}")
    assert await everything(http) == before
