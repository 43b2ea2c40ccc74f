"""Requests to apps through the node: what goes over, and who may."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import aiohttp
import pytest
from yarl import URL

from tests.unit.server.relay.support import KEY
from tests.unit.server.support import Http

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from tests.unit.server.site import Site


async def test_a_request_reaches_a_module_and_its_answer_the_caller(
    http: Http, module: Site
) -> None:
    answer = await http("PATCH", "/app/m1/deep/a%20b", {"x": "1 2"}, data=b"body")
    assert (answer.status, answer.body) == (207, b"body")
    assert module.last.method == "PATCH"
    assert module.last.raw_path == "/deep/a%20b?x=1+2"
    assert answer.headers["X-One"] == "1"
    assert answer.headers["Location"] == "http://elsewhere/"
    assert "X-Hop" not in answer.headers


async def test_a_request_reaches_a_site_below_its_address(http: Http, site: Site) -> None:
    assert (await http.get("/app/p0/")).status == 207
    assert site.last.raw_path == "/base/"
    assert (await http.get("/interface/p0/x")).status == 207
    assert site.last.raw_path == "/base/x"
    assert site.last.headers["Host"] == site.url.split("/")[2]


async def test_repeated_headers_stay_repeated(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/") as answer:
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert answer.reason == "Seen"


async def test_an_app_never_sees_the_key(http: Http, module: Site) -> None:
    headers = {
        "x-auth-required": "true",
        "X-App-Id": "m1",
        "Connection": "keep-alive, X-Mine",
        "X-Mine": "1",
        "X-Other": "2",
        "Proxy-Authorization": "Basic x",
    }
    await http("GET", "/app/m1/", headers=headers)
    seen = module.last.headers
    for name in (KEY, *headers.keys() - {"X-Other", "Connection"}):
        assert name not in seen
    assert seen["X-Other"] == "2"
    assert "X-Mine" not in seen.get("Connection", "")


async def test_an_app_is_told_who_asks_and_where_it_is_seen(
    http: Http, running: RunningNode, module: Site
) -> None:
    await http("GET", "/app/m1/x", headers={"X-Forwarded-For": "10.1.2.3"})
    seen = module.last.headers
    host = running.url.removeprefix("http://")
    assert seen["X-Forwarded-For"] == "10.1.2.3, 127.0.0.1"
    assert (seen["X-Forwarded-Host"], seen["X-Forwarded-Proto"]) == (host, "http")
    assert (seen["X-Script-Name"], seen["X-Forwarded-Prefix"]) == ("/app/m1", "/app/m1")
    assert seen["Host"] == host


async def test_what_lumen_says_about_the_address_is_kept(http: Http, module: Site) -> None:
    await http("GET", "/app/m1/", headers={"X-Script-Name": "/app/7"})
    assert module.last.headers["X-Script-Name"] == "/app/7"
    await http("GET", "/app/m1/", headers={"X-Forwarded-Host": "7.app.lumen"})
    assert module.last.headers["X-Forwarded-Host"] == "7.app.lumen"
    assert "X-Script-Name" not in module.last.headers


async def test_a_prefix_of_a_reverse_proxy_is_part_of_the_address(
    running: RunningNode, module: Site
) -> None:
    headers = {"X-Api-Base-Uri": "/joule", "X-Api-Scheme": "https"}
    connector = aiohttp.UnixConnector(str(running.socket_path))
    async with aiohttp.ClientSession(connector=connector, headers=headers) as local:
        await Http(local, "http://node").get("/app/m1/")
    seen = module.last.headers
    assert (seen["X-Script-Name"], seen["X-Forwarded-Proto"]) == ("/joule/app/m1", "https")
    assert "X-Api-Base-Uri" not in seen


async def test_a_packed_body_reaches_an_app_unpacked(http: Http, module: Site) -> None:
    packed = gzip.compress(b"x" * 1000)
    headers = {"Content-Encoding": "gzip"}
    answer = await http("POST", "/app/m1/", data=packed, headers=headers)
    assert answer.body == b"x" * 1000


async def test_the_length_of_a_body_is_passed_on(http: Http, module: Site) -> None:
    await http("POST", "/app/m1/", data=b"12345")
    assert module.last.headers["Content-Length"] == "5"
    answer = await http("HEAD", "/app/m1/file")
    assert (answer.status, answer.body) == (207, b"")
    answer = await http("GET", "/app/m1/")
    assert answer.headers["Content-Length"] == "0"
    assert "Content-Length" not in module.last.headers
    assert "Transfer-Encoding" not in module.last.headers


async def test_a_packed_answer_stays_packed(
    running: RunningNode, session: aiohttp.ClientSession, module: Site
) -> None:
    url = f"{running.url}/app/m1/packed"
    async with session.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.text() == "x" * 1000
    assert module.last.headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_none(http: Http, module: Site, status: int) -> None:
    answer = await http("GET", f"/app/m1/status/{status}")
    assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize("path", ["/app/m1?a=b", "/interface/m1?a=b"])
async def test_the_address_of_an_app_ends_with_a_slash(
    session: aiohttp.ClientSession, running: RunningNode, module: Site, path: str
) -> None:
    async with session.get(running.url + path, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "m1/?a=b")
    async with session.get(running.url + path) as answer:
        assert answer.status == 207
    assert module.last.raw_path == "/?a=b"


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize("path", ["/app/m1/", "/app/m1", "/interface/p0/", "/app/m9/", "/app/x/"])
async def test_without_a_key_nothing_is_told(running: RunningNode, module: Site, path: str) -> None:
    async with aiohttp.ClientSession() as stranger:
        answer = await Http(stranger, running.url).get(path)
    assert (answer.status, answer.text) == (403, "403: Forbidden")
    assert module.requests == []


async def test_a_key_that_reads_looks_at_an_app_and_changes_nothing(
    running: RunningNode, module: Site
) -> None:
    key = await running.node.access.add_user("viewer", scope="read")
    async with aiohttp.ClientSession(headers={KEY: key}) as viewer:
        http = Http(viewer, running.url)
        assert (await http.get("/app/m1/")).status == 207
        assert (await http.post("/app/m1/", {})).status == 403


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/app/x1/", 400, "invalid id"),
        ("/app/m1x/", 400, "invalid id"),
        ("/app/m0/", 404, "id not found"),
        ("/app/p7/a", 404, "id not found"),
        ("/app/m0", 404, "id not found"),
        ("/app/p0/a/%2e%2e/b", 400, "invalid path"),
        ("/app/p0/..%2fb", 400, "invalid path"),
    ],
)
async def test_a_bad_address_is_refused(
    session: aiohttp.ClientSession, running: RunningNode, path: str, status: int, text: str
) -> None:
    async with session.get(URL(running.url + path, encoded=True)) as answer:
        assert (answer.status, await answer.text()) == (status, text)
