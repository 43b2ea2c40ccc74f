from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from tests.unit.server.support import Http, add_stream, plant, rows_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from aiohttp import ClientResponse

    from joule.testing.node import RunningNode

TOKEN = bytes(16)


@asynccontextmanager
async def subscribed(
    http: Http, stream_id: int, start: int | None = None
) -> AsyncIterator[ClientResponse]:
    query = f"?id={stream_id}&subscribe=1" + ("" if start is None else f"&start={start}")
    async with http.session.get(f"{http.base}/data{query}") as response, asyncio.timeout(5):
        yield response


async def test_the_headers_come_before_any_row(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    async with await running.node.data.open_writer(stream), subscribed(http, stream.id) as answer:
        assert answer.status == 200
        assert answer.headers["joule-layout"] == "float32_2"
        assert answer.headers["joule-decimation"] == "1"


async def test_each_block_arrives_as_it_is_written(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    async with (
        await running.node.data.open_writer(stream) as writer,
        subscribed(http, stream.id) as answer,
    ):
        for rows in (rows_at(1, 2), rows_at(3)):
            await writer.write(rows)
            assert await answer.content.readexactly(rows.nbytes) == rows.tobytes()


async def test_a_break_is_told_when_the_producer_makes_it(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    async with (
        await running.node.data.open_writer(stream) as writer,
        subscribed(http, stream.id) as answer,
    ):
        await writer.write(rows_at(1))
        await writer.end_interval()
        assert await answer.content.readexactly(32) == rows_at(1).tobytes() + TOKEN
        await writer.write(rows_at(2))
        assert await answer.content.readexactly(16) == rows_at(2).tobytes()


async def test_the_answer_ends_with_the_producer(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    writer = await running.node.data.open_writer(stream)
    async with subscribed(http, stream.id) as answer:
        await writer.write(rows_at(1))
        await writer.close()
        assert (await answer.content.read()).startswith(rows_at(1).tobytes())


async def test_a_subscription_can_start_in_the_past(http: Http, running: RunningNode) -> None:
    stream = await add_stream(running)
    await plant(running, stream, rows_at(1, 2, 3))
    writer = await running.node.data.open_writer(stream)
    async with subscribed(http, stream.id, start=2) as answer:
        assert await answer.content.readexactly(32) == rows_at(2, 3).tobytes()
        await writer.write(rows_at(4))
        assert await answer.content.readexactly(32) == TOKEN + rows_at(4).tobytes()
        await writer.close()
        await answer.content.read()


async def test_a_stream_that_nobody_produces_cannot_be_followed(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    answer = await http.get("/data", id=stream.id, subscribe=1)
    assert (answer.status, answer.text) == (400, "stream is not being produced")


async def test_a_vanished_subscriber_is_noticed_without_any_row(
    http: Http, running: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await add_stream(running)
    closed = asyncio.Event()
    subscribe = running.node.data.subscribe

    def watched(*args: object) -> object:
        cursor = subscribe(*args)  # type: ignore[arg-type]
        close = cursor.close

        async def close_and_tell() -> None:
            await close()
            closed.set()

        monkeypatch.setattr(cursor, "close", close_and_tell)
        return cursor

    monkeypatch.setattr(running.node.data, "subscribe", watched)
    async with await running.node.data.open_writer(stream):
        async with (
            ClientSession(headers=http.session.headers) as session,
            subscribed(Http(session, http.base), stream.id),
        ):
            pass
        async with asyncio.timeout(5):
            await closed.wait()


async def test_a_stopping_server_ends_live_answers_at_once(
    http: Http, running: RunningNode
) -> None:
    stream = await add_stream(running)
    async with (
        await running.node.data.open_writer(stream) as writer,
        subscribed(http, stream.id) as answer,
    ):
        await writer.write(rows_at(1))
        await answer.content.readexactly(16)
        async with asyncio.timeout(2):
            await running.server.__aexit__(None, None, None)
        assert await answer.content.read() == b""
