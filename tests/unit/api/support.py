"""Nodes to talk to: the real server on a memory engine, and one that answers what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from aiohttp import web

from joule.api import DataStream, Element, Node
from joule.wire.json_models import data_stream_to_json

if TYPE_CHECKING:
    from joule.models.layout import Rows

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeNode:
    """Answers requests from a table, and remembers them."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[web.Request] = []

    def on(self, method: str, path: str, answer: Answer) -> None:
        self.answers[method, path] = answer

    def on_text(
        self,
        method: str,
        path: str,
        text: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        content_type: str = "text/plain",
    ) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(
                text=text, status=status, headers=headers, content_type=content_type
            )

        self.on(method, path, answer)

    def on_json(self, method: str, path: str, value: Any, *, status: int = 200) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.json_response(value, status=status)

        self.on(method, path, answer)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        answer = self.answers.get((request.method, request.path))
        if answer is None:
            return web.Response(status=404, text="404: no such route")
        return await answer(request)


def stream_of(width: int = 2, **attributes: Any) -> DataStream:
    elements = [Element(f"e{i}") for i in range(width)]
    return DataStream("stream", elements=elements, **attributes)


def stream_json(**attributes: Any) -> dict[str, Any]:
    stream = stream_of(**attributes)
    stream.id = 1
    return data_stream_to_json(stream)


async def until_produced(node: Node, stream: DataStream, expected: bool = True) -> None:
    """Wait until the node knows of a writer of the stream, or of none."""
    async with asyncio.timeout(5):
        while (await node.data_stream_get(stream)).is_destination is not expected:
            pass  # each look is a request, which lets the others go on


def rows_of(stream: DataStream, timestamps: Any) -> Rows:
    """Make rows whose values count up from their timestamps."""
    times = np.asarray(list(timestamps), dtype=np.int64)
    rows = np.zeros(len(times), stream.rows_layout.dtype)
    rows["timestamp"] = times
    rows["data"] = times[:, None] % 1000 + np.arange(rows["data"].shape[1])
    return rows
