from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import make_mocked_request

from joule.errors import (
    ConflictError,
    DuplicateTimestampError,
    JouleError,
    NotFoundError,
    StorageFullError,
)
from joule.server import Server, TcpListener
from joule.server.errors import answer_errors, finish_changes, reason_phrase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Serve = Callable[[Callable[[web.Request], Awaitable[web.Response]]], Awaitable[str]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Serve one handler at every method of ``/`` and give the URL."""
    servers: list[Server] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.Response]]) -> str:
        app = web.Application(middlewares=[answer_errors, finish_changes], client_max_size=100)
        app.router.add_route("*", "/", handler)
        server = Server(app, socket_path=tmp_path / "api", tcp=TcpListener("127.0.0.1", 0))
        servers.append(await server.__aenter__())
        return f"http://127.0.0.1:{server.tcp_port}/"

    yield start
    for server in servers:
        await server.__aexit__(None, None, None)


async def answer_to(serve: Serve, error: Exception) -> tuple[int, str | None, str, str | None]:
    async def handler(_request: web.Request) -> web.Response:
        raise error

    async with ClientSession() as session, session.get(await serve(handler)) as response:
        fault = response.headers.get("X-Joule-Fault")
        return response.status, response.reason, await response.text(), fault


async def test_an_error_is_answered_with_its_bare_text_and_its_kind(serve: Serve) -> None:
    assert await answer_to(serve, NotFoundError("folder does not exist")) == (
        404,
        "folder does not exist",
        "folder does not exist",
        "NotFoundError",
    )


async def test_the_status_in_an_error_of_another_node_is_not_repeated(serve: Serve) -> None:
    status, _, body, _ = await answer_to(serve, ConflictError("taken", 400))
    assert (status, body) == (400, "taken")


async def test_a_text_of_several_lines_does_not_break_the_status_line(serve: Serve) -> None:
    text = "first\r\nX-Evil: 1\n" + "\N{SNOWMAN}" + "x" * 10_000
    status, reason, body, fault = await answer_to(serve, DuplicateTimestampError(text))
    assert (status, body, fault) == (400, text, "DuplicateTimestampError")
    assert reason is not None
    assert reason.startswith("first X-Evil: 1 ?xxx")


async def test_half_a_character_in_an_error_is_sent_as_a_question_mark(serve: Serve) -> None:
    status, _, body, _ = await answer_to(serve, ConflictError("[\ud800] is taken"))
    assert (status, body) == (400, "[?] is taken")


async def test_an_error_without_text_has_the_usual_reason(serve: Serve) -> None:
    status, reason, body, _ = await answer_to(serve, NotFoundError(""))
    assert (status, reason, body) == (404, "Not Found", "")


async def test_an_unexpected_error_is_logged_and_says_nothing(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    status, _, body, fault = await answer_to(serve, ZeroDivisionError("secret"))
    assert (status, body, fault) == (500, "500 Internal Server Error", None)
    (record,) = [r for r in caplog.records if r.name == "joule.server.errors"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


async def test_an_error_of_the_store_says_what_is_wrong(serve: Serve) -> None:
    status, _, body, fault = await answer_to(serve, StorageFullError("no room"))
    assert (status, body, fault) == (500, "no room", "StorageFullError")


async def test_a_body_that_is_too_large_is_413(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    url = await serve(handler)
    async with ClientSession() as session:
        async with session.post(url, data=b"x" * 100) as response:
            assert response.status == 200
        async with session.post(url, data=b"x" * 101) as response:
            assert response.status == 413


async def test_a_change_is_finished_although_the_client_left(serve: Serve) -> None:
    begun, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        begun.set()
        await go_on.wait()
        finished.set()
        return web.Response()

    url = await serve(handler)
    async with ClientSession() as session:
        asking = asyncio.create_task(_put(session, url))
        await begun.wait()
        asking.cancel()
    await asyncio.wait([asking])
    go_on.set()
    async with asyncio.timeout(5):
        await finished.wait()


async def test_the_failure_of_a_change_whose_client_left_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        begun.set()
        await go_on.wait()
        raise JouleError("too late")

    work = asyncio.create_task(finish_changes(make_mocked_request("PUT", "/"), handler))
    await begun.wait()
    work.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert "too late" in caplog.text


async def test_a_second_cancellation_stops_a_change_that_does_not_end() -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError("unreachable")

    work = asyncio.create_task(finish_changes(make_mocked_request("PUT", "/"), handler))
    await begun.wait()
    work.cancel()
    await asyncio.sleep(0)
    assert not stopped.is_set()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    async with asyncio.timeout(5):
        await stopped.wait()


async def test_a_read_stops_when_the_client_leaves(serve: Serve) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError("unreachable")

    url = await serve(handler)
    async with ClientSession() as session:
        asking = asyncio.create_task(_get(session, url))
        await begun.wait()
        asking.cancel()
        async with asyncio.timeout(5):
            await stopped.wait()
    await asyncio.wait([asking])


async def _put(session: ClientSession, url: str) -> int:
    async with session.put(url) as response:
        return response.status


async def _get(session: ClientSession, url: str) -> int:
    async with session.get(url) as response:
        return response.status


@pytest.mark.parametrize("text", ["", "a\x00b", "tab\there", "é" * 500, "\N{SNOWMAN}"])
def test_a_reason_phrase_is_short_printable_ascii(text: str) -> None:
    reason = reason_phrase(text)
    assert len(reason) <= 200
    assert reason.isascii()
    assert reason.isprintable()
