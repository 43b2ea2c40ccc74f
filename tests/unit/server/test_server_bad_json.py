"""Bodies that are no JSON object, at every route that takes one: refused, nothing changes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.unit.server.rules import assert_refused, bad, everything, furnished_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http


@pytest.fixture
async def running() -> AsyncIterator[RunningNode]:
    async with furnished_node() as node:
        yield node


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
