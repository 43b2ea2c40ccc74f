"""Bodies that are no JSON object, at every route that takes one: refused, nothing changes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.unit.server.rules import assert_refused, bad, everything

if TYPE_CHECKING:
    from tests.unit.server.support import Http


pytestmark = pytest.mark.furnished


BODIES = (
    ("POST", "/stream.json"),
    ("PUT", "/stream.json"),
    ("PUT", "/stream/move.json"),
    ("PUT", "/folder.json"),
    ("PUT", "/folder/move.json"),
    ("POST", "/event.json"),
    ("PUT", "/event.json"),
    ("PUT", "/event/move.json"),
    ("POST", "/event/data.json"),
    ("POST", "/annotation.json"),
    ("PUT", "/annotation.json"),
    ("POST", "/master.json"),
)

NO_JSON = (
    b"",
    b"{",
    b"nonsense",
    b'{"id": 1,}',
    b'{"id": NaN}',
    b'{"id": -Infinity}',
    b'{"id": 1e999}',
    b'{"id": "\xff"}',
    b"\x00" * 9,
    b"[" * 10000,
    b'{"a": "\\ud800"}',
    b'{"id": ' + b"9" * 5000 + b"}",
)

NO_OBJECTS = (b"null", b"1", b'"text"', b"[]", b'[{"id": 1}]', b"true")


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_a_body_that_is_no_json_object_is_refused(http: Http, method: str, path: str) -> None:
    before = await everything(http)
    kind = {"Content-Type": "application/json"}
    for raw in NO_JSON:
        answer = await http(method, path, data=raw, headers=kind)
        assert_refused(answer, bad("", text="invalid json"), f"{path} {raw[:40]!r}")
    for raw in NO_OBJECTS:
        answer = await http(method, path, data=raw, headers=kind)
        assert_refused(answer, bad("", text="the request must be a JSON object"), f"{raw!r}")
    for other in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        answer = await http(method, path, data=b"{}", headers={"Content-Type": other})
        assert_refused(answer, bad("", text="content-type must be application/json"), other)
    large = BytesIO(b'{"id": 1, "a": "' + b"x" * 2**20 + b'"}')
    assert (await http(method, path, data=large, headers=kind)).status == 413
    broken = kind | {"Content-Encoding": "gzip"}
    answer = await http(method, path, data=b"no gzip", headers=broken)
    assert_refused(answer, bad("", text="the body of the request cannot be read"), path)
    assert await everything(http) == before


async def test_a_body_with_more_levels_than_can_be_walked_is_refused(http: Http) -> None:
    before = await everything(http)
    before_it = (
        b'{"id":1,"events":[{"event_stream_id":1,"start_time":1,"end_time":2,"content":{"a":'
    )
    raw = before_it + b"[" * 900 + b"]" * 900 + b"}}]}"
    kind = {"Content-Type": "application/json"}
    answer = await http("POST", "/event/data.json", data=raw, headers=kind)
    assert_refused(answer, bad("", text="the request is nested too deeply"), "deep")
    assert await everything(http) == before
