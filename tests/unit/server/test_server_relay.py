"""Apps through the node: what they get, what the caller gets, and how either end is felt."""

from __future__ import annotations

import asyncio
import gzip
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from yarl import URL

from joule.models.proxies import Proxy
from joule.server.relay.websocket import MESSAGE_MAX_BYTES
from joule.testing.node import running_node
from tests.unit.server.site import PART, serving
from tests.unit.server.support import Http
from tests.unit.server.test_server_modules import TwoModules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.site import Site

KEY = "X-API-KEY"
BUFFERS_MAX = 24 << 20
"""What sockets and buffers on the way may hold together; far less than what is poured."""


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The site behind proxy 0."""
    async with serving() as made:
        yield made


@pytest.fixture
async def running(site: Site) -> AsyncIterator[RunningNode]:
    proxy = Proxy("flask_app", f"{site.url}base/")
    gone = Proxy("gone", "http://127.0.0.1:9/")
    plain = Proxy("plain", site.url)
    for number, each in enumerate((proxy, gone, plain)):
        each.id = number
    async with running_node(modules=TwoModules(), proxies=[proxy, gone, plain]) as node:
        yield node


@pytest.fixture
async def module(running: RunningNode) -> AsyncIterator[Site]:
    """The site behind module 1."""
    async with serving(running.socket_path.parent / "module1") as made:
        yield made


@pytest.fixture
async def session(running: RunningNode) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={KEY: running.key}) as made:
        yield made


@pytest.fixture
def http(running: RunningNode, session: aiohttp.ClientSession) -> Http:
    return Http(session, running.url)


# ------------------------------------------------------------------ what goes over


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


# ------------------------------------------------------------------ large and slow


async def test_a_slow_app_slows_an_upload_down_and_then_gets_all_of_it(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    size = 100 << 20
    given = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given
        while given < size:
            given += len(PART)
            yield PART

    upload = asyncio.create_task(_text(session.put(f"{running.url}/app/m1/swallow", data=body())))
    await _settled(lambda: given)
    assert given < BUFFERS_MAX
    module.take.set()
    assert await upload == (200, str(size))


async def test_a_slow_caller_slows_an_app_down_and_ends_it_by_leaving(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/pour") as answer:
        await _settled(lambda: module.sent)
        assert module.sent < BUFFERS_MAX
        assert len(await answer.content.readexactly(30 << 20)) == 30 << 20
        answer.close()
    async with asyncio.timeout(10):
        await module.left.wait()


async def test_events_arrive_one_by_one(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/ticks") as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"
        module.take.set()
        assert await answer.content.read() == b"data: 2\n\n"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_app_that_is_not_wanted_any_more_is_left(
    session: aiohttp.ClientSession, running: RunningNode, module: Site, method: str
) -> None:
    asking = asyncio.create_task(_text(session.request(method, f"{running.url}/app/m1/silence")))
    async with asyncio.timeout(10):
        await module.asked.wait()
        asking.cancel()
        await module.left.wait()


async def test_an_answer_that_breaks_off_does_so_for_the_caller(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.get(f"{running.url}/app/m1/break_off") as answer:
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_an_app_may_answer_before_it_has_everything(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.post(
        f"{running.url}/app/m1/refuse", data=io.BytesIO(b"x" * (20 << 20))
    ) as answer:
        assert (answer.status, await answer.text()) == (413, "too much")


# ------------------------------------------------------------------ apps that fail


async def test_an_app_that_does_not_run_is_a_bad_gateway(http: Http) -> None:
    text = "[view] has no web interface now, see its log: joule module logs view"
    answer = await http.get("/app/m1/")
    assert (answer.status, answer.text) == (502, text)
    assert (await http.get("/app/p1/")).text == "[gone] cannot be reached at http://127.0.0.1:9/"
    page = await http("GET", "/app/m1/", headers={"Accept": "text/html,*/*"})
    assert page.status == 502
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"<p>{text}</p>" in page.text


async def test_an_app_that_does_not_answer_in_time_is_given_up() -> None:
    async with (
        running_node(modules=TwoModules(), answer_s=0.2) as running,
        serving(running.socket_path.parent / "module1") as module,
        aiohttp.ClientSession(headers={KEY: running.key}) as session,
    ):
        answer = await Http(session, running.url).get("/app/m1/silence")
        assert (answer.status, answer.text) == (504, "[view] does not answer, gave up after 0.2 s")
        async with asyncio.timeout(10):
            await module.left.wait()


async def test_an_app_that_takes_more_and_more_is_not_given_up() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10
            await asyncio.sleep(0.1)

    async with (
        running_node(modules=TwoModules(), answer_s=0.5) as running,
        serving(running.socket_path.parent / "module1") as module,
        aiohttp.ClientSession(headers={KEY: running.key}) as session,
    ):
        module.take.set()
        url = f"{running.url}/app/m1/swallow"
        assert await _text(session.post(url, data=trickle())) == (200, "100")


async def test_an_app_that_speaks_no_http_is_a_bad_gateway(
    running: RunningNode, http: Http
) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no http\r\n\r\n")
        writer.close()

    path = running.socket_path.parent / "module1"
    async with await asyncio.start_unix_server(babble, path):
        answer = await http.get("/app/m1/")
    assert (answer.status, answer.text) == (502, "[view] broke off without an answer")


# ------------------------------------------------------------------ web sockets


async def test_a_web_socket_carries_messages_both_ways(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    url = f"{running.url}/app/m1/socket?a=b"
    async with session.ws_connect(url, protocols=["old"], autoping=False) as socket:
        assert socket.protocol == "old"
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        long = PART * 60
        await socket.send_bytes(long)
        assert await socket.receive_bytes() == long
        await socket.ping(b"p")
        pong = await socket.receive()
        assert (pong.type, bytes(pong.data)) == (WSMsgType.PONG, b"p")
    assert module.last.raw_path == "/socket?a=b"
    assert KEY not in module.last.headers
    async with asyncio.timeout(10):
        await module.left.wait()


async def test_the_caller_learns_why_an_app_closed(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.ws_connect(f"{running.url}/app/m1/socket") as socket:
        await socket.send_str("leave")
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4001, "as asked")


async def test_a_message_that_is_too_long_ends_the_connection(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.ws_connect(f"{running.url}/app/m1/socket", max_msg_size=0) as socket:
        with suppress(ConnectionError):
            await socket.send_bytes(b"x" * (MESSAGE_MAX_BYTES + 1))
        assert (await socket.receive()).type is not WSMsgType.BINARY
    async with asyncio.timeout(10):
        await module.left.wait()


async def test_a_slow_reader_of_a_web_socket_slows_the_other_end_down(
    session: aiohttp.ClientSession, running: RunningNode, module: Site
) -> None:
    async with session.ws_connect(f"{running.url}/app/m1/socket") as socket:
        sent = 0

        async def fill() -> None:
            nonlocal sent
            while True:
                await socket.send_bytes(PART)
                sent += len(PART)

        filling = asyncio.create_task(fill())
        await _settled(lambda: sent)
        filling.cancel()
        assert sent < 2 * BUFFERS_MAX
        for _ in range(100):
            assert await socket.receive_bytes() == PART


@pytest.mark.parametrize(("path", "status"), [("/app/m1/", 502), ("/app/p1/", 502)])
async def test_a_web_socket_that_an_app_does_not_take_is_refused(
    session: aiohttp.ClientSession, running: RunningNode, module: Site, path: str, status: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect(f"{running.url}{path}")
    assert refused.value.status == status


async def test_a_node_that_stops_does_not_wait_for_apps() -> None:
    async with (
        running_node(modules=TwoModules()) as running,
        serving(running.socket_path.parent / "module1") as module,
        aiohttp.ClientSession(headers={KEY: running.key}) as session,
    ):
        url = f"{running.url}/app/m1"
        socket = await session.ws_connect(f"{url}/socket")
        await session.get(f"{url}/pour")
        async with asyncio.timeout(10):
            await running.server.__aexit__()
            await module.left.wait()
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        await socket.close()


async def _text(request: Any) -> tuple[int, str]:
    async with request as answer:
        return answer.status, await answer.text()


async def _settled(count: Any) -> None:
    """Wait until a count stands still, since nobody takes more."""
    before = -1
    while count() != before:
        before = count()
        await asyncio.sleep(0.3)
