"""A stream of a NilmDB server, as a source of rows.

NilmDB sends the rows of a range as packed records, without its interval breaks, so each interval
is asked for by itself.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from joule.api import DataStream, Element
from joule.api.session import translated
from joule.errors import ApiError, NodeConnectionError, StreamNotFound
from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.models.pipes import InputPipe
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from joule.api import Annotation
    from joule.models import Pipe

GREETING = "This is NilmDB"
_CONNECT_S = 30


class NilmdbStream:
    """The stream at a path of the server at ``url``; an async context manager that looks it up.

    Entering raises ``NodeConnectionError`` when there is no NilmDB server, ``StreamNotFound`` when
    it has no such stream.
    """

    def __init__(self, url: str, path: str) -> None:
        self.path = path
        self.stream = DataStream()
        self.url = url.rstrip("/")
        self._client: aiohttp.ClientSession | None = None

    @property
    def label(self) -> str:
        """Where the server is."""
        return f"NilmDB at [{without_password(self.url)}]"

    async def __aenter__(self) -> NilmdbStream:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S)
        self._client = aiohttp.ClientSession(timeout=timeout)
        try:
            await self._look_up()
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.close()

    async def intervals(self, start: int | None, end: int | None) -> list[Interval]:
        """List its unbroken runs of rows in ``[start, end)``; those that touch are one."""
        text = await self._text("/stream/intervals", path=self.path, **_bounds(start, end))
        found: list[Interval] = []
        for line in filter(str.strip, text.splitlines()):
            begin, until = json.loads(line)
            if found and found[-1].end == begin:
                begin = found.pop().start
            found.append(Interval(begin, until))
        return found

    async def annotations(self, start: int | None, end: int | None) -> list[Annotation]:
        """Give none: NilmDB has no annotations."""
        return []

    @asynccontextmanager
    async def read(self, start: int, end: int) -> AsyncIterator[Pipe]:
        """Open a pipe with its rows in ``[start, end)``, with a break behind each interval."""
        reader = _Rows(self, await self.intervals(start, end))
        pipe = InputPipe(self.path, self.stream, reader=reader)
        try:
            yield pipe
        finally:
            await pipe.close()

    async def extract(self, interval: Interval) -> aiohttp.ClientResponse:
        """Ask for the packed rows of an interval."""
        bounds = _bounds(interval.start, interval.end)
        return await self._get("/stream/extract", path=self.path, binary="1", **bounds)

    async def _look_up(self) -> None:
        if GREETING not in await self._text("/"):
            raise NodeConnectionError(f"there is no {self.label}")
        listed = json.loads(await self._text("/stream/list", path=self.path, extended="1"))
        layouts = [str(entry[1]) for entry in listed if entry[0] == self.path]
        if not layouts:
            raise StreamNotFound(f"{self.label} has no stream [{self.path}]")
        try:
            layout = Layout.parse(layouts[0])
        except ValueError as error:
            raise ApiError(f"stream [{self.path}] of NilmDB has a {error}") from error
        self.stream.name = self.path
        self.stream.datatype = layout.datatype
        self.stream.elements = [Element(f"Element {n}", index=n) for n in range(layout.width)]

    async def _text(self, route: str, **params: str) -> str:
        async with await self._get(route, **params) as response:
            with translated(self.url):
                return await response.text()

    async def _get(self, route: str, **params: str) -> aiohttp.ClientResponse:
        with translated(self.url):
            response = await self._opened.get(self.url + route, params=params)
            if response.status != 200:
                async with response:
                    raise ApiError(_reason(await response.text()), response.status)
        return response

    @property
    def _opened(self) -> aiohttp.ClientSession:
        assert self._client is not None, "entered"
        return self._client


class _Rows:
    """The rows of intervals as one byte stream, each followed by the record of zeros."""

    def __init__(self, source: NilmdbStream, intervals: Sequence[Interval]) -> None:
        self._source = source
        self._intervals = iter(intervals)
        self._response: aiohttp.ClientResponse | None = None
        self._received = 0

    async def read(self, n: int, /) -> bytes:
        """Wait for bytes and give at most ``n`` of them; none at the end."""
        if self._response is None:
            interval = next(self._intervals, None)
            if interval is None:
                return b""
            self._response = await self._source.extract(interval)
        with translated(self._source.url):
            data = await self._response.content.read(n)
        self._received += len(data)
        return data or self._end()

    def close(self) -> None:
        """Give the connection up."""
        if self._response is not None:
            self._response.close()

    def _end(self) -> bytes:
        self.close()
        self._response = None
        row_bytes = self._source.stream.rows_layout.row_bytes
        if self._received % row_bytes:
            raise ApiError("the answer of NilmDB ends within a row")
        return bytes(row_bytes)


def _bounds(start: int | None, end: int | None) -> dict[str, str]:
    given = {"start": start, "end": end}
    return {name: str(bound) for name, bound in given.items() if bound is not None}


def _reason(text: str) -> str:
    try:
        answer: Any = json.loads(text)
        return str(answer["message"])
    except (ValueError, KeyError, TypeError):
        return text
