"""Reading rows into one array: one request, whatever the node answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from joule.errors import ApiError, NodeConnectionError, PipeError
from tests.unit.api.support import rows_of, stream_of

if TYPE_CHECKING:
    from joule.api import TcpNode
    from tests.unit.api.support import Answer, FakeNode

LAYOUT = {"joule-layout": "float32_2", "joule-decimation": "1"}


def packed_answer(body: bytes) -> Answer:
    """Answer with packed rows of :func:`stream_of`."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers=LAYOUT)

    return answer


@pytest.mark.parametrize(
    ("spec", "asked"), [("/folder/stream", {"path": "/folder/stream"}), (7, {"id": "7"})]
)
async def test_an_array_takes_one_request(
    fake: FakeNode, client: TcpNode, spec: str | int, asked: dict[str, str]
) -> None:
    rows = rows_of(stream_of(), [1, 2, 3])
    token = bytes(rows.itemsize)
    parts = [rows[:1].tobytes(), token, token, rows[1:].tobytes(), token]
    fake.on("GET", "/data", packed_answer(b"".join(parts)))
    array = await client.data_read_array(spec, max_rows=10)
    assert array.tobytes() == rows.tobytes()
    assert [(r.path, dict(r.query)) for r in fake.requests] == [
        ("/data", {**asked, "max-rows": "10"})
    ]


@pytest.mark.parametrize("end", [3, None])
async def test_an_array_belongs_to_the_caller(node: TcpNode, end: int | None) -> None:
    stream = await node.data_stream_create(stream_of(), "/folder")
    pipe = await node.data_write(stream)
    await pipe.write(rows_of(stream, [1, 2]))
    await pipe.close_interval()
    await pipe.write(rows_of(stream, [3, 4]))
    await pipe.close()
    rows = await node.data_read_array("/folder/stream", end=end)
    rows["data"] += 1
    assert rows["timestamp"].tolist() == ([1, 2] if end else [1, 2, 3, 4])


async def test_only_breaks_are_no_array(fake: FakeNode, client: TcpNode) -> None:
    fake.on("GET", "/data", packed_answer(bytes(32)))
    with pytest.raises(PipeError, match="No data in pipe"):
        await client.data_read_array("/folder/stream")


async def test_an_array_that_breaks_off_or_is_not_described_is_an_error(
    fake: FakeNode, client: TcpNode
) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=LAYOUT)
        await response.prepare(request)
        await response.write(bytes(range(1, 17)))
        assert request.transport is not None
        request.transport.abort()
        return response

    fake.on("GET", "/data", broken)
    with pytest.raises(NodeConnectionError):
        await client.data_read_array("/folder/stream")
    fake.on_text("GET", "/data", "rows")
    with pytest.raises(ApiError, match="Invalid node response"):
        await client.data_read_array("/folder/stream")


async def test_a_gateway_in_trouble_is_asked_for_rows_again(
    fake: FakeNode, client: TcpNode
) -> None:
    rows = rows_of(stream_of(), [1, 2, 3])

    async def at_last(request: web.Request) -> web.StreamResponse:
        if len(fake.requests) < 3:
            return web.Response(status=503)
        return await packed_answer(rows.tobytes())(request)

    fake.on("GET", "/data", at_last)
    assert len(await client.data_read_array("/folder/stream")) == 3
    fake.on_text("GET", "/data", "bad gateway", status=502)
    with pytest.raises(ApiError, match="max retry count exceeded"):
        await client.data_read_array("/folder/stream")
