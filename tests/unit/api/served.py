"""A node that is served from another thread, for tests that wait instead of awaiting."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from joule.testing.node import RunningNode, running_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.proxies import Proxy
    from joule.server import ModuleDirectory


@contextmanager
def served_node(
    modules: ModuleDirectory | None = None, proxies: tuple[Proxy, ...] = ()
) -> Iterator[RunningNode]:
    """Serve a node until the block ends."""
    started: Future[tuple[RunningNode, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        try:
            async with running_node(modules=modules, proxies=proxies) as running:
                stop = asyncio.Event()
                started.set_result((running, asyncio.get_running_loop(), stop))
                await stop.wait()
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=asyncio.run, args=[serve()], name="served node")
    thread.start()
    try:
        running, loop, stop = started.result(30)
        try:
            yield running
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join(30)
