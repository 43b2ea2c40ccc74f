"""Bytes that are no text, in every parameter of every route and in the headers: no node fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.wire.openapi import OPERATIONS

if TYPE_CHECKING:
    from joule.testing.node import RunningNode
    from joule.wire.openapi.operations import Operation

pytestmark = pytest.mark.furnished

NO_TEXT = (
    b"\xff",
    b"%ff",
    b"%ed%a0%80",
    b"\xed\xa0\x80",
    b"%00",
    b"%",
    b"%zz",
    b"%0d%0aX-Evil:1",
    b'%22%5cud800"',
    b'[[["a","gt","\\ud800"]]]',
    b"[" * 3000,
    b"9" * 3000,
    b"%f0%9f%92%a9",
    b"a+b;c&d",
)


async def status_of(running: RunningNode, head: bytes) -> int:
    """Send the head of a request as it is and give the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.tcp_port)
    try:
        writer.write(head + b"Host: node\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            line = await reader.readline()
            await reader.read()
    finally:
        writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    "one", [one for one in OPERATIONS if one.parameters], ids=lambda one: one.name
)
async def test_a_parameter_may_hold_any_bytes(running: RunningNode, one: Operation) -> None:
    for parameter in one.parameters:
        for raw in NO_TEXT:
            path = one.path.replace(f"{{{parameter.name}}}", "@").encode()
            name = parameter.name.encode()
            query = b"?id=1&limit=9&max_gap=1&" + name + b"=" + raw
            target = path.replace(b"@", raw) + (query if parameter.place == "query" else b"")
            head = b"%b %b HTTP/1.1\r\n" % (one.method.upper().encode(), target)
            head += b"X-API-KEY: " + running.key.encode() + b"\r\n"
            if parameter.place == "header":
                head += name + b": " + raw + b"\r\n"
            status = await status_of(running, head)
            assert 200 <= status < 500, f"{head!r}: {status}"


@pytest.mark.parametrize("name", [b"X-API-KEY", b"X-App-Id", b"Content-Type", b"X-Forwarded-For"])
async def test_a_header_may_hold_any_bytes(running: RunningNode, name: bytes) -> None:
    for raw in NO_TEXT:
        for target in (b"GET /app/auth", b"POST /follower.json", b"PUT /stream.json"):
            head = target + b" HTTP/1.1\r\n" + name + b": " + raw + b"\r\n"
            if name != b"X-API-KEY":
                head += b"X-API-KEY: " + running.key.encode() + b"\r\n"
            assert 200 <= await status_of(running, head) < 500, head
