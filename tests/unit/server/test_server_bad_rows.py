"""Uploads of rows against the rules: each is refused with its reason, what is stored stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.unit.server.rules import everything
from tests.unit.server.support import rows_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.testing.node import RunningNode
    from tests.unit.server.support import Http

TOKEN = bytes(16)


pytestmark = pytest.mark.furnished


def packed(*timestamps: int, value: float = 1.0) -> bytes:
    rows = rows_at(*([0] * len(timestamps)))
    rows["timestamp"] = timestamps
    rows["data"] = value
    return rows.tobytes()


BAD_ROWS = {
    "backwards": (packed(50, 49), "Non-monotonic timestamps in new data"),
    "twice": (packed(50, 50), "Non-monotonic timestamps in new data"),
    "twice over a break": (TOKEN + packed(50) + TOKEN + packed(50), "Non-monotonic"),
    "backwards over breaks": (TOKEN * 3 + packed(50) + TOKEN * 2 + packed(3), "Non-monotonic"),
    "NaN": (packed(50, value=float("nan")), "Invalid values (NaN) in new data"),
    "infinity": (packed(50, value=float("inf")), "Invalid values (infinity) in new data"),
    "stored": (packed(15), "already exists"),
    "stored, last": (packed(39), "already exists"),
    "stored, first": (packed(10), "already exists"),
    "partly stored": (packed(25, 31, 50), "already exists"),
    "beyond every range": (packed(50, 2**63 - 1), "Invalid timestamp in new data"),
    "cut": (packed(50)[:-1], "incomplete row at the end of the data, 15 bytes of 16"),
    "one byte": (b"x", "incomplete row at the end of the data, 1 bytes of 16"),
    "cut token": (TOKEN[:-1], "incomplete row at the end of the data"),
    "a newer layout": (bytes(range(1, 21)) * 8, "new data"),
}


@pytest.mark.parametrize(("body", "text"), BAD_ROWS.values(), ids=BAD_ROWS)
@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
async def test_rows_against_the_rules_are_refused_and_what_is_stored_stays(
    http: Http, running: RunningNode, body: bytes, text: str, piece_bytes: int
) -> None:
    before = await everything(http)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), piece_bytes):
            yield body[start : start + piece_bytes]

    answer = await http("POST", "/data", {"id": 1}, data=pieces())
    assert (answer.status, text in answer.text) == (400, True), answer.text
    assert not running.node.catalog.data_stream(1).is_destination
    # Rows before the first fault may have been stored, in pieces as they came.
    await http.delete("/data", id=1, start=50)
    await http.delete("/data", id=1, start=20, end=30)
    assert await everything(http) == before


async def test_a_body_whose_encoding_is_broken_is_refused_and_lets_go_of_the_stream(
    http: Http, running: RunningNode
) -> None:
    before = await everything(http)
    headers = {"Content-Encoding": "gzip"}
    answer = await http("POST", "/data", {"id": 1}, data=packed(50), headers=headers)
    assert (answer.status, answer.text) == (400, "the body of the request cannot be read")
    assert await everything(http) == before


@pytest.mark.parametrize(
    "body", [b"zz\r\nabc", b"10\r\n" + packed(50) + b"\r\nzz\r\n", b"-1\r\n"], ids=repr
)
async def test_a_body_whose_framing_is_broken_is_refused_and_lets_go_of_the_stream(
    http: Http, running: RunningNode, body: bytes
) -> None:
    before = await everything(http)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.tcp_port)
    head = f"POST /data?id=1 HTTP/1.1\r\nHost: node\r\nX-API-KEY: {running.key}\r\n"
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body)
    async with asyncio.timeout(5):
        assert b" 400 " in await reader.readline()
        await reader.read()
        while running.node.catalog.data_stream(1).is_destination:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    writer.close()
    await http.delete("/data", id=1, start=50)
    assert await everything(http) == before
