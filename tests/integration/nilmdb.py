"""A double of a NilmDB server, written from what is known of its HTTP interface.

No NilmDB can be installed from a registry, so no test has seen a real one. The double is strict
where the interface is: time is covered once, rows lie in the time they are inserted with and in
order, and errors are JSON objects. It keeps its streams while it is stopped and served again.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from aiohttp import web

from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from joule.models.layout import Rows

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

What: TypeAlias = Literal["request", "answer"]

PATH = "/joule/12"
CHUNK_BYTES = 65_003
"""Answers come in parts of this size, which end anywhere in a row."""


class FaultError(Exception):
    """What the server refuses."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Stored:
    """A stream: its rows, and the intervals ``[start, end)`` that they cover."""

    layout: Layout
    rows: Rows
    intervals: list[tuple[int, int]] = field(default_factory=list)

    def span(self, start: int, end: int) -> slice:
        """Give where the rows of a range are."""
        first, last = np.searchsorted(self.rows["timestamp"], np.array([start, end], np.int64))
        return slice(first, max(first, last))

    def insert(self, start: int, end: int, data: bytes) -> None:
        """Take rows into a time that is not covered."""
        if start >= end or len(data) % self.layout.row_bytes:
            raise FaultError("Bad Request: start must precede end, and data must be whole rows")
        if any(a < end and start < b for a, b in self.intervals):
            raise FaultError("new data overlaps existing data")
        rows = self.layout.view(data)
        times = rows["timestamp"]
        if len(rows) and not (times[0] >= start and times[-1] < end):
            raise FaultError("Data timestamps are outside of the range")
        if (np.diff(times) <= 0).any():
            raise FaultError("Data timestamps are not monotonically increasing")
        at = self.span(start, start).start
        self.rows = np.concatenate([self.rows[:at], rows, self.rows[at:]])
        self.intervals = _joined(sorted([*self.intervals, (start, end)]))

    def remove(self, start: int, end: int) -> int:
        """Let go of the rows of a range; its time is not covered any more."""
        doomed = self.span(start, end)
        self.rows = np.delete(self.rows, doomed)
        cut = [part for a, b in self.intervals for part in ((a, min(b, start)), (max(a, end), b))]
        self.intervals = [(a, b) for a, b in cut if a < b]
        return int(doomed.stop - doomed.start)


def _joined(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in intervals:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


class NilmDB:
    """The streams of a server, by path.

    ``routes`` are those of the requests that came, ``sent_bytes`` those of the rows that went.
    ``is_down`` breaks every connection without an answer. :meth:`lose` does that to one request.
    """

    def __init__(self) -> None:
        self.url = ""
        self.streams: dict[str, Stored] = {}
        self.routes: list[str] = []
        self.sent_bytes = 0
        self.is_down = False
        self._losing = ""
        self._losses: list[What | None] = []

    def plant(self, path: str, layout: str, rows: Rows, intervals: list[tuple[int, int]]) -> NilmDB:
        """Put a stream there."""
        self.streams[path] = Stored(Layout.parse(layout), rows, intervals)
        return self

    def lose(self, route: str, what: What, skip: int = 0) -> None:
        """Break the connection of a request to a route, after ``skip`` others of them.

        When it was carried out and its answer should follow; or before it is, and that twice, since
        HTTP clients try some requests again by themselves.
        """
        self._losses = [*[None] * skip, *[what] * (2 if what == "request" else 1)]
        self._losing = route

    def app(self) -> web.Application:
        """The server's routes."""
        app = web.Application(middlewares=[self._faults], client_max_size=1 << 26)
        app.router.add_get("/", self._greet)
        app.router.add_get("/dbinfo", self._dbinfo)
        app.router.add_get("/stream/list", self._list)
        app.router.add_get("/stream/intervals", self._list_intervals)
        app.router.add_get("/stream/extract", self._extract)
        app.router.add_post("/stream/create", self._create)
        app.router.add_put("/stream/insert", self._insert)
        app.router.add_post("/stream/remove", self._remove)
        app.router.add_post("/stream/destroy", self._destroy)
        return app

    # ------------------------------------------------------------------ faults

    @web.middleware
    async def _faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.routes.append(request.path)
        lost = self._lost(request.path)
        if self.is_down or lost == "request":
            return _cut_off(request)
        try:
            response = await handler(request)
        except FaultError as error:
            reason = {400: "Bad Request", 404: "Not Found"}[error.status]
            fault = {"status": f"{error.status} {reason}", "message": str(error), "traceback": ""}
            response = web.json_response(fault, status=error.status)
        return _cut_off(request) if lost == "answer" else response

    def _lost(self, route: str) -> What | None:
        return self._losses.pop(0) if self._losses and route == self._losing else None

    # ------------------------------------------------------------------ questions

    async def _greet(self, _: web.Request) -> web.Response:
        return web.Response(text="This is NilmDB version 2.0.1, running on host nilm.\n")

    async def _dbinfo(self, _: web.Request) -> web.Response:
        size = sum(stored.rows.nbytes for stored in self.streams.values())
        info = {"path": "/db", "size": size, "other": 4000, "reserved": 500, "free": 10**9}
        return web.json_response(info)

    async def _list(self, request: web.Request) -> web.Response:
        wanted = [_pattern(text) for text in request.query.getall("path", ["%"])]
        found = [
            _entry(path, self.streams[path])
            for path in sorted(self.streams)
            if any(pattern.fullmatch(path) for pattern in wanted)
        ]
        width = 6 if request.query.get("extended") == "1" else 2
        return web.json_response([entry[:width] for entry in found])

    async def _list_intervals(self, request: web.Request) -> web.Response:
        start, end = _bounds(request.query)
        stored = self._stored(request.query, "No stream at path")
        found = [[max(a, start), min(b, end)] for a, b in stored.intervals if a < end and b > start]
        return web.Response(text="".join(f"{json.dumps(pair)}\r\n" for pair in found))

    async def _extract(self, request: web.Request) -> web.StreamResponse:
        stored = self._stored(request.query, "No such stream")
        rows = stored.rows[stored.span(*_bounds(request.query))]
        if request.query.get("count") == "1":
            return web.Response(text=f"{len(rows)}\n")
        if request.query.get("binary") != "1":
            raise FaultError("the double has rows in binary only")
        data = memoryview(rows.tobytes())
        self.sent_bytes += len(data)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for at in range(0, len(data), CHUNK_BYTES):
            await response.write(data[at : at + CHUNK_BYTES])
        await response.write_eof()
        return response

    # ------------------------------------------------------------------ changes

    async def _create(self, request: web.Request) -> web.Response:
        form = await request.post()
        path, layout = str(form["path"]), Layout.parse(str(form["layout"]))
        if path in self.streams:
            raise FaultError(f"stream already exists at this path: {path}")
        self.streams[path] = Stored(layout, layout.empty())
        return web.json_response(None)

    async def _insert(self, request: web.Request) -> web.Response:
        if request.query.get("binary") != "1":
            raise FaultError("the double takes rows in binary only")
        stored = self._stored(request.query, "No such stream")
        stored.insert(*_bounds(request.query), await request.read())
        return web.json_response(None)

    async def _remove(self, request: web.Request) -> web.Response:
        form = await request.post()
        removed = self._stored(form, "No stream at path").remove(*_bounds(form))
        return web.Response(text=f"{removed}\n")

    async def _destroy(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self._stored(form, "No stream at path").intervals:
            raise FaultError("all intervals must be removed before destroying a stream")
        del self.streams[str(form["path"])]
        return web.json_response(None)

    def _stored(self, query: Mapping[str, Any], absent: str) -> Stored:
        path = str(query["path"])
        if path not in self.streams:
            raise FaultError(f"{absent}: {path}", 404)
        return self.streams[path]


def _cut_off(request: web.Request) -> web.Response:
    """Break the connection; what is answered goes nowhere."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _bounds(query: Mapping[str, Any]) -> tuple[int, int]:
    return int(query.get("start", -(2**63))), int(query.get("end", 2**63 - 1))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("%")))


def _entry(path: str, stored: Stored) -> list[Any]:
    covered = stored.intervals
    first, last = (covered[0][0], covered[-1][1]) if covered else (None, None)
    total = sum(end - start for start, end in covered)
    return [path, str(stored.layout), first, last, len(stored.rows), total]


@contextmanager
def serving(double: NilmDB, port: int = 0) -> Iterator[NilmDB]:
    """Serve it from a thread while the block runs; ``url`` says where."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(double.app(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        address: Any = runner.addresses[0]
        double.url = f"http://127.0.0.1:{address[1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(serve()), loop.close()))
    thread.start()
    assert ready.wait(10)
    try:
        yield double
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
