"""An event loop in a thread of its own, for callers that wait instead of awaiting.

It works inside a running event loop too (a notebook's), which stands still during a call.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from joule.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from joule.models.pipes import Pipe

T = TypeVar("T")
P = TypeVar("P", bound="Pipe")

_END_S = 5.0
"""How long ending waits for the thread, which only has connections to close."""


class NodeClosedError(ApiError):
    """The node was closed while it was used, or before."""


class LoopThread:
    """Runs coroutines for the threads of this process, until it is closed or forgotten."""

    def __init__(self) -> None:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._held: WeakSet[Pipe] = WeakSet()
        self._thread = threading.Thread(
            target=_serve, args=[started, self._held], name="joule.api.sync", daemon=True
        )
        self._thread.start()
        self._loop, stop = started.result()
        self._pid = os.getpid()
        self._lock = threading.Lock()
        # Runs at the end of the program too, before daemon threads are cut off.
        self._end = weakref.finalize(self, _end, self._loop, stop, self._thread, self._pid)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for the outcome of a coroutine.

        Ctrl-C cancels the coroutine, waits until it has cleaned up, and is raised. Raises
        :exc:`NodeClosedError` after :meth:`close`, ``ApiError`` in a child that was forked
        meanwhile.
        """
        call = _Call(coroutine)
        try:
            self._begin(call)
        except BaseException:
            coroutine.close()
            raise
        try:
            call.finished.wait()
        except BaseException:
            self._loop.call_soon_threadsafe(call.cancel)
            call.finished.wait()
            raise
        return call.result()

    def hold(self, opening: Coroutine[Any, Any, P]) -> P:
        """Wait for a pipe, which is closed when the thread ends, if it is not before."""

        async def held() -> P:
            pipe = await opening
            self._held.add(pipe)
            return pipe

        return self.run(held())

    def close(self) -> None:
        """Cancel what is running and end the thread; again does nothing."""
        with self._lock:
            self._end()

    def _begin(self, call: _Call[Any]) -> None:
        if os.getpid() != self._pid:
            raise ApiError(
                "this node was used before the process was forked, make a new one in the child"
            )
        with self._lock:  # so that what was begun is there to be cancelled
            if not self._end.alive:
                raise NodeClosedError("the node was closed")
            self._loop.call_soon_threadsafe(call.start)


class _Call(Generic[T]):
    """A coroutine that one thread runs and another one waits for."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.finished = threading.Event()
        self._coroutine = coroutine
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._coroutine)
        self._task.add_done_callback(lambda _: self.finished.set())

    def cancel(self) -> None:
        assert self._task is not None
        self._task.cancel()

    def result(self) -> T:
        assert self._task is not None
        try:
            return self._task.result()
        except asyncio.CancelledError:
            raise NodeClosedError("the node was closed") from None


def _serve(
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]], held: WeakSet[Pipe]
) -> None:
    async def serve() -> None:
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await _cancel_others()
        for pipe in list(held):
            await pipe.close()

    asyncio.run(serve())


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _end(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Event, thread: threading.Thread, pid: int
) -> None:
    if os.getpid() != pid:  # a forked child has no such thread, and shares the loop's sockets
        return
    loop.call_soon_threadsafe(stop.set)
    if threading.current_thread() is not thread:  # where garbage collection may have called it
        thread.join(_END_S)
