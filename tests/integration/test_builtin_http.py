"""joule-http-reader with a real web server."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from joule.client.builtins.http_reader import HttpReader
from joule.errors import ConfigurationError
from tests.integration.certificates import self_signed, signed
from tests.integration.daemon import free_port
from tests.integration.readers import Sink, logged, running

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

QUICK = ("--interval", "0.05", "--timeout", "0.5")


class Site:
    """Answers of a web service, which the test may change."""

    def __init__(self) -> None:
        self.count = 0
        self.status = 200
        self.requests: list[web.Request] = []

    async def meter(self, request: web.Request) -> web.Response:
        self.count += 1
        self.requests.append(request)
        values = {"watts": [0, self.count], "at": f"2020-01-01T00:00:00.{self.count:06}Z"}
        return web.json_response(values, status=self.status)

    async def plain(self, request: web.Request) -> web.Response:
        return web.Response(text="21.5\n")

    async def page(self, request: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>", content_type="text/html")

    async def slow(self, request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(40):
            await answer.write(b"1" * (1 << 16))
        return answer

    async def moved(self, request: web.Request) -> web.Response:
        raise web.HTTPFound("/meter")

    async def broken(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


@asynccontextmanager
async def serving(
    site: Site, port: int | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    app = web.Application()
    for name in ("meter", "plain", "page", "slow", "endless", "moved", "broken"):
        app.router.add_get(f"/{name}", getattr(site, name))
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    port = port or free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield f"http{'s' if tls else ''}://localhost:{port}/meter"
    finally:
        await runner.cleanup()


async def test_values_of_several_addresses_make_rows() -> None:
    site, sink = Site(), Sink("float32_2")
    async with (
        serving(site) as url,
        running(HttpReader(), sink, "$.watts[1] scale=2\n/plain $", "--server", url, *QUICK),
    ):
        await sink.rows(4)
    (rows,) = sink.intervals
    assert [values for _, values in rows] == [[2 * n, 21.5] for n in range(1, len(rows) + 1)]


async def test_headers_and_login_are_sent(tmp_path: Path) -> None:
    site, sink = Site(), Sink("float32_1")
    secret, secrets = tmp_path / "password", tmp_path / "headers"
    secret.write_text("sesame\n")
    secrets.write_text("X-Token: t:1\n")
    words = ("--user", "me", "--password-file", str(secret), "--headers-file", str(secrets))
    async with (
        serving(site) as url,
        running(
            HttpReader(), sink, f"{url} $.watts[1]", *words, "--headers", "Accept: a/b", *QUICK
        ),
    ):
        await sink.rows(1)
    headers = site.requests[0].headers
    assert headers["X-Token"] == "t:1"
    assert headers["Accept"] == "a/b"
    assert headers["Authorization"] == "Basic " + b64encode(b"me:sesame").decode()


async def test_the_time_may_be_in_the_answer() -> None:
    site, sink = Site(), Sink("int32_1")
    words = ("--timestamp", "$.at", *QUICK)
    async with (
        serving(site) as url,
        running(HttpReader(), sink, "$.watts[1]", "--server", url, *words),
    ):
        await sink.rows(3)
    (rows,) = sink.intervals
    assert rows == [(1_577_836_800_000_000 + n, [n]) for n in range(1, len(rows) + 1)]


@pytest.mark.parametrize(
    ("element", "fault"),
    [
        ("/missing $", "/missing] answers 404 Not Found"),
        ("/slow $", "/slow] does not answer in time"),
        ("/endless $", "/endless] answers with more than 1048576 bytes"),
        ("/moved $", "/moved] answers 302 Found"),
        ("/broken $", "/broken]: Server disconnected"),
        ("/page $", "'<html>hello</html>' is not a number"),
        ("/page $.watts", "/page] has nothing at [$.watts]"),
        ("$.watts[5]", "/meter] has nothing at [$.watts[5]]"),
        ("$.watts", "[0, 1] is not a number"),
    ],
)
async def test_a_bad_answer_is_said_and_asked_for_again(
    element: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Site()) as url:
        words = ("--server", url, *QUICK)
        async with running(HttpReader(), Sink("float32_1"), element, *words):
            await logged(lambda: caplog.text, f"{fault}, next attempt in 0.05 s")
            await logged(lambda: caplog.text, "next attempt in 0.1 s")


@pytest.mark.parametrize("element", ["/missing $", "/page $.watts"])
async def test_a_password_in_an_address_is_not_told(
    element: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Site()) as url:
        words = ("--server", url.replace("://", "://me:sesame@"), *QUICK)
        async with running(HttpReader(), Sink("float32_1"), element, *words):
            await logged(lambda: caplog.text, "next attempt in 0.05 s")
    assert "[http://me@" in caplog.text
    assert "sesame" not in caplog.text


async def test_a_service_that_comes_back_is_asked_again_and_the_gap_is_a_break(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site, sink, port = Site(), Sink("float32_1"), free_port()
    words = ("--server", f"http://localhost:{port}/meter", *QUICK)
    async with running(HttpReader(), sink, "$.watts[1]", *words):
        await logged(lambda: caplog.text, "Cannot connect to host")
        async with serving(site, port):
            await sink.rows(3)
            site.status = 503
            await logged(lambda: caplog.text, "answers 503 Service Unavailable")
            await asyncio.sleep(0.3)
            site.status = 200
            await sink.until(lambda: len(sink.intervals) > 1)
            await sink.rows(2)
    assert all(sink.intervals)


async def test_certificates_are_verified(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = self_signed(tmp_path, "authority")
    site, tls = Site(), signed(tmp_path, authority).context()
    async with serving(site, tls=tls) as url:
        words: tuple[Any, ...] = ("--server", url, *QUICK)
        async with running(HttpReader(), Sink("float32_1"), "$.watts[1]", *words):
            await logged(lambda: caplog.text, "certificate verify failed")
        for more in (("--ca", str(authority.file)), ("--verify", "no")):
            sink = Sink("float32_1")
            async with running(HttpReader(), sink, "$.watts[1]", *words, *more):
                await sink.rows(1)


@pytest.mark.parametrize(
    ("elements", "words", "fault"),
    [
        ("$.a", (), r"element \[\$.a\]: \[\] is not an address like"),
        ("ftp://x/ $.a", (), "is not an address like"),
        ("http://x/ $..a", (), "is not a JSON path"),
        ("a b c", (), "give a JSON path, or an address and a JSON path"),
        ("$.a", ("--server", "http://x", "--headers", "nothing"), "is not like"),
        ("$.a", ("--server", "http://x", "--timeout", "no"), "timeout must be"),
    ],
)
async def test_a_bad_configuration_is_refused(
    elements: str, words: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        async with running(HttpReader(), Sink("float32_1"), elements, *words):
            await asyncio.sleep(0)
