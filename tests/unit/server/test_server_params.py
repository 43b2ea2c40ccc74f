from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from joule.errors import DataError, InvalidRequestError
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.server import params

if TYPE_CHECKING:
    from aiohttp import web


def asked(**query: object) -> web.Request:
    pairs = {name.replace("_", "-"): str(value) for name, value in query.items()}
    return make_mocked_request("GET", f"/x?{urlencode(pairs)}")


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises((InvalidRequestError, DataError)) as caught:
        call(*args, **kwargs)
    return caught.value.text


@pytest.mark.parametrize("text", ["200.5", "abc", "", "1_000", " 1", "٣", "0x1", "1e3", "--1"])
def test_an_integer_parameter_must_be_decimal(text: str) -> None:
    message = refused(params.query_integer, asked(start=text), "start")
    assert message == "parameter start must be an int"


def test_integers_of_any_length_are_read_or_refused() -> None:
    assert params.query_integer(asked(n="9" * 400), "n") == int("9" * 400)
    refused(params.query_integer, asked(n="9" * 5000), "n")


def test_bounds_beyond_all_timestamps_are_moved_into_range() -> None:
    request = asked(start="-1" + "0" * 30, end="1" + "0" * 30)
    assert params.query_interval(request) == Interval(MIN_TIME, MAX_TIME)


def test_a_range_is_open_where_no_bound_is_given() -> None:
    assert params.query_interval(asked()) == ALL_TIME
    assert params.query_interval(asked(end=5)) == Interval(MIN_TIME, 5)


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_start_must_be_before_end(start: int, end: int) -> None:
    message = refused(params.query_interval, asked(start=start, end=end))
    assert message == "[start] must be before [end]"


@pytest.mark.parametrize("name", ["max-rows", "decimation-level"])
def test_counts_of_rows_must_be_positive(name: str) -> None:
    request = asked(**{name: 0})
    assert refused(params.query_reading, request) == f"[{name}] must be > 0"


def test_a_path_wins_over_an_id() -> None:
    assert params.query_spec(asked(path="/a/b", id=4)) == "/a/b"
    assert params.query_spec(asked(id=4)) == 4
    assert params.query_spec(asked(path="", id=4)) == 4


def test_without_path_and_id_the_request_is_refused() -> None:
    assert refused(params.query_spec, asked()) == "specify an id or a path"
    assert refused(params.query_spec, asked(id="x")) == "parameter id must be an int"


@pytest.mark.parametrize("body", [{}, {"path": 3}, {"path": None}, {"id": True}, {"id": [1]}])
def test_a_body_without_a_usable_path_or_id_is_refused(body: dict[str, Any]) -> None:
    assert refused(params.body_spec, body) == "specify an id or a path"


def test_source_and_destination_have_their_own_texts() -> None:
    assert params.body_source({"src_path": "/a", "src_id": 3}) == "/a"
    assert params.body_destination({"dest_id": 3}) == 3
    assert refused(params.body_destination, {}) == "specify a destination"
    assert refused(params.body_source, {}, "specify a source id or a path") == (
        "specify a source id or a path"
    )


@pytest.mark.parametrize("value", [None, "x", 1.5, False, {}])
def test_an_update_needs_an_id(value: object) -> None:
    assert refused(params.body_id, {"id": value}) == "Invalid request: specify id"


def test_the_attributes_of_an_update_are_an_object() -> None:
    assert refused(params.body_changes, {}, "folder") == "Invalid request: specify folder as JSON"
    message = refused(params.body_changes, {"folder": "x"}, "folder")
    assert message == "error: [folder] attribute must be JSON"


def test_a_new_stream_is_refused_with_the_missing_attribute() -> None:
    assert refused(params.body_new, {}, dict) == "provide a stream"

    def decode(json: Any) -> Any:
        return json["name"]

    assert refused(params.body_new, {"stream": {}}, decode) == (
        "Invalid or missing stream attribute: 'name'"
    )
    assert refused(params.body_new, {"stream": 4}, decode).startswith("Invalid stream JSON: ")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b"\xff\xfe",
        b"[Infinity]",
        b"[1e999]",
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    assert refused(params.parse_json, raw) == "invalid json"


def test_pairs_of_surrogates_are_text() -> None:
    assert params.parse_json(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        json.dumps(params.parse_json(raw), allow_nan=False).encode()
