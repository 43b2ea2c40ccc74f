"""A bare HTTP client and short ways to plant data: the tests say what goes over the wire.

Every answer that it gets has to be one of those that the node's description has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.models.layout import Layout
from joule.models.streams import DataStream, Element
from tests.unit.server.described import assert_described

if TYPE_CHECKING:
    import aiohttp

    from joule.models.layout import Rows
    from joule.testing.node import RunningNode


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        assert self.status == 200, self.text
        assert self.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.loads(self.body, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


class Http:
    """Requests to one node with its key."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.session = session
        self.base = base

    async def __call__(
        self, method: str, path: str, params: dict[str, Any] | None = None, **options: Any
    ) -> Answer:
        query = {name: str(value) for name, value in (params or {}).items()}
        async with self.session.request(
            method, self.base + path, params=query, **options
        ) as response:
            headers = {name.title(): value for name, value in response.headers.items()}
            body = await response.read()
        assert_described(method, path, response.status, headers, body)
        return Answer(response.status, headers, body)

    async def get(self, path: str, /, **params: Any) -> Answer:
        return await self("GET", path, _dashed(params))

    async def delete(self, path: str, /, **params: Any) -> Answer:
        return await self("DELETE", path, _dashed(params))

    async def post(self, path: str, body: Any) -> Answer:
        return await self("POST", path, json=body)

    async def put(self, path: str, body: Any) -> Answer:
        return await self("PUT", path, json=body)

    async def write(self, path: str, data: Any, /, **params: Any) -> Answer:
        return await self("POST", "/data", {"path": path, **_dashed(params)}, data=data)


def _dashed(params: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in params.items()}


async def add_stream(
    running: RunningNode, path: str = "/a/b/x", layout: str = "float32_2", **options: Any
) -> DataStream:
    folder, name = path.rsplit("/", 1)
    kind = Layout.parse(layout)
    elements = [Element(name=f"e{i}", index=i) for i in range(kind.width)]
    stream = DataStream(name=name, datatype=kind.datatype, elements=elements, **options)
    return await running.node.catalog.create_stream(stream, folder or "/")


def rows_at(*timestamps: int, layout: str = "float32_2") -> Rows:
    """Rows whose values are the timestamp, column by column 0.5 more."""
    kind = Layout.parse(layout)
    rows = np.zeros(len(timestamps), dtype=kind.dtype)
    rows["timestamp"] = timestamps
    rows["data"] = np.array(timestamps)[:, None] + np.arange(kind.width) / 2
    return rows


async def plant(running: RunningNode, stream: DataStream, *intervals: Rows) -> None:
    """Store rows, each argument an interval of its own."""
    async with await running.node.data.open_writer(stream) as writer:
        for rows in intervals:
            await writer.write(rows)
            await writer.end_interval()
