"""A double of a NilmDB server with one stream, for reading.

No NilmDB can be installed from a registry. This follows what is known of its HTTP interface:
packed rows without breaks, intervals as lines of JSON, errors as JSON objects.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.layout import Rows

PATH = "/joule/12"


class NilmDB:
    """The stream at :data:`PATH`: its rows, and its intervals ``[start, end)``."""

    def __init__(self, layout: str, rows: Rows, intervals: list[tuple[int, int]]) -> None:
        self.url = ""
        self._layout = Layout.parse(layout)
        self._rows = rows
        self._intervals = intervals

    def app(self) -> web.Application:
        """The server's routes."""
        app = web.Application()
        app.router.add_get("/", self._greet)
        app.router.add_get("/stream/list", self._list)
        app.router.add_get("/stream/intervals", self._list_intervals)
        app.router.add_get("/stream/extract", self._extract)
        return app

    async def _greet(self, _: web.Request) -> web.Response:
        return web.Response(text="This is NilmDB version 2.0.1, running on host nilm.\n")

    async def _list(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("path")
        first, last = self._intervals[0][0], self._intervals[-1][1]
        entry = [PATH, str(self._layout), first, last, len(self._rows), last - first]
        return web.json_response([entry] if PATH in wanted else [])

    async def _list_intervals(self, request: web.Request) -> web.Response:
        start, end = self._bounds(request)
        found = [[max(a, start), min(b, end)] for a, b in self._intervals if a < end and b > start]
        return web.Response(text="".join(f"{json.dumps(pair)}\r\n" for pair in found))

    async def _extract(self, request: web.Request) -> web.StreamResponse:
        if request.query["path"] != PATH or request.query.get("binary") != "1":
            fault = {"status": "404 Not Found", "message": f"No such stream: {PATH}"}
            return web.json_response({**fault, "traceback": ""}, status=404)
        start, end = self._bounds(request)
        times = self._rows["timestamp"]
        data = self._rows[(times >= start) & (times < end)].tobytes()
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(data), 1000):  # not at the bounds of rows
            await response.write(data[at : at + 1000])
        await response.write_eof()
        return response

    def _bounds(self, request: web.Request) -> tuple[int, int]:
        query = request.query
        return int(query.get("start", -(2**63))), int(query.get("end", 2**63 - 1))


@contextmanager
def serving(double: NilmDB) -> Iterator[NilmDB]:
    """Serve it from a thread while the block runs; ``url`` says where."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(double.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
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
