"""What blocking nodes have in common: a node of coroutines and the thread that runs them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from joule.api.sync.loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from joule import api

T = TypeVar("T")


class Blocking:
    """Calls the coroutines of ``node`` and waits; the thread is begun by the first call."""

    def __init__(self, node: api.Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None

    @property
    def name(self) -> str:
        """The name that the node has here."""
        return self._node.name

    @property
    def url(self) -> str:
        """Where the node is."""
        return self._node.url

    @property
    def asynchronous(self) -> api.Node:
        """The same node with coroutines; it needs an event loop of its own."""
        return self._node

    def close(self) -> None:
        """Close the connections, pipes included; the node can be used again afterwards."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._opened().run(coroutine)

    def _opened(self) -> LoopThread:
        with self._lock:
            if self._thread is None:
                self._thread = LoopThread()
            return self._thread
