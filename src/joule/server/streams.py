"""Requests and responses that last: live data, long reads and uploads.

They end together when the server stops, and a response that fails half-way is cut off, so that
its client cannot take it for complete.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """Whether the work was ended because the server stops."""

    stopped: bool = False


class LastingRequests:
    """The requests that would keep the server from stopping."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._stopping = False

    def stop(self) -> None:
        """End them all, and those that still come."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()

    @contextmanager
    def until_stopped(self) -> Iterator[Outcome]:
        """Run a block that ends early when the server stops; the outcome tells."""
        task = asyncio.current_task()
        assert task is not None
        outcome = Outcome()
        self._tasks.add(task)
        if self._stopping:
            task.cancel()
        try:
            yield outcome
        except asyncio.CancelledError:
            if not self._stopping or task.uncancel():
                raise
            outcome.stopped = True
        finally:
            self._tasks.discard(task)


LASTING = web.AppKey("lasting", LastingRequests)


async def stop_lasting(app: web.Application) -> None:
    """Signal handler for the shutdown of the application."""
    app[LASTING].stop()


@asynccontextmanager
async def begun(items: AsyncIterator[_T]) -> AsyncIterator[AsyncIterator[_T]]:
    """Wait for the first item, so that what fails before it can still be answered as an error.

    Gives all items; their source is closed with the block, also when a client leaves half-way.
    """
    try:
        first = await anext(items, None)
        async with aclosing(_resumed(first, items)) as resumed:
            yield resumed
    finally:
        aclose = getattr(items, "aclose", None)
        if aclose is not None:
            await aclose()


async def _resumed(first: _T | None, items: AsyncIterator[_T]) -> AsyncGenerator[_T, None]:
    if first is not None:
        yield first
    async for item in items:
        yield item


@asynccontextmanager
async def sending(
    request: web.Request, headers: Mapping[str, str]
) -> AsyncIterator[web.StreamResponse]:
    """Send the head of a streamed answer at once and let the block write its body."""
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        yield response
    except ConnectionError:
        logger.debug("%s %s: the client has gone", request.method, request.path)
    except Exception:
        logger.exception("%s %s failed half-way", request.method, request.path)
        cut_off(request)


def cut_off(request: web.Request) -> None:
    """Break the connection, so that the client sees that the answer is not complete."""
    if request.transport is not None:
        request.transport.abort()
