"""HEAD is GET without a body, at every route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.wire.openapi import OPERATIONS
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.wire.openapi.operations import Operation
    from tests.unit.server.support import Http

pytestmark = pytest.mark.furnished

LASTING = Route.MODULE_LOG
"""A GET of it does not end by itself."""

READS = [
    one for one in OPERATIONS if one.method == "get" and "{" not in one.path and one.path != LASTING
]

PATHS = sorted({str(one.path) for one in OPERATIONS if "{" not in one.path} - {Route.APP_AUTH})
"""All but one, which other methods take for the address of an app."""

QUERY = {"id": 1, "stream_id": 1, "limit": 5}


@pytest.mark.parametrize("one", READS, ids=lambda one: one.name)
@pytest.mark.parametrize("query", [QUERY, {}], ids=["all", "nothing"])
async def test_a_head_has_the_status_and_the_kind_of_the_get(
    http: Http, one: Operation, query: dict[str, object]
) -> None:
    full, head = await http("GET", one.path, query), await http("HEAD", one.path, query)
    assert (head.status, head.body) == (full.status, b"")
    assert head.headers.get("Content-Type") == full.headers.get("Content-Type")
    assert head.headers.get("X-Joule-Fault") == full.headers.get("X-Joule-Fault")


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "TRACE", "PURGE"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_method_that_a_path_does_not_have_is_refused(
    http: Http, method: str, path: str
) -> None:
    assert (await http(method, path)).status == 405
