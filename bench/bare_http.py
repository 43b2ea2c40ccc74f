"""A bare HTTP peer: takes and gives bytes as fast as aiohttp can. The least a client path does.

It gives bytes that it was told to keep: one chunk sent over and over would never leave the cache
of the processor, which no node can do that has rows to give.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from aiohttp import ClientSession, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK_BYTES = 512 * 1024

KEPT = web.AppKey("kept", bytearray)


class BarePeer:
    """The peer in a process of its own; an async context manager."""

    async def __aenter__(self) -> BarePeer:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        port = int(await self._process.stdout.readline())
        self._url = f"http://127.0.0.1:{port}"
        self._session = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._process.terminate()
        await self._process.wait()

    async def put(self, data: memoryview) -> None:
        """Send bytes in chunks and wait for the answer."""
        async with self._session.post(self._url, data=_chunks(data)) as answer:
            assert int(await answer.text()) == len(data)

    async def keep(self, data: memoryview) -> None:
        """Let it have bytes that :meth:`get` gets back."""
        async with self._session.put(self._url, data=_chunks(data)) as answer:
            assert int(await answer.text()) == len(data)

    async def get(self, size: int) -> None:
        """Take the bytes that it keeps, this many, in what comes."""
        taken = 0
        async with self._session.get(self._url) as answer:
            async for part in answer.content.iter_any():
                taken += len(part)
        assert taken == size


async def _chunks(data: memoryview) -> AsyncIterator[memoryview]:
    for at in range(0, len(data), CHUNK_BYTES):
        yield data[at : at + CHUNK_BYTES]


async def _take(request: web.Request) -> web.Response:
    taken = 0
    async for part in request.content.iter_any():
        taken += len(part)
    return web.Response(text=str(taken))


async def _keep(request: web.Request) -> web.Response:
    kept = request.app[KEPT]
    kept.clear()
    async for part in request.content.iter_any():
        kept += part
    return web.Response(text=str(len(kept)))


async def _give(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    async for chunk in _chunks(memoryview(request.app[KEPT])):
        await answer.write(chunk)
    return answer


async def _serve() -> None:
    app = web.Application()
    app[KEPT] = bytearray()
    app.add_routes([web.post("/", _take), web.put("/", _keep), web.get("/", _give)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
