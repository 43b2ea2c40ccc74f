"""Chunks decoded by the thread that needs them and by helpers, as far as these have time.

Nobody waits for a helper to begin: the thread that asks takes one chunk after the other, and
helpers take from the same heap. All of the work lets other threads run.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

A = TypeVar("A")
B = TypeVar("B")

HELPERS: Final = min(os.cpu_count() or 1, 4) - 1
WORTH_BYTES: Final = 64 * 1024
"""Smaller pieces are done before a helper has woken up."""


class Decoders:
    """Threads that help to decode."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max(HELPERS, 1), thread_name_prefix="store-decoder")

    def close(self) -> None:
        """End the threads. Idempotent."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def each(self, work: Callable[[A], B], items: Sequence[A], size_bytes: int) -> list[B]:
        """Give ``work`` of every item, in order; the items take this size together.

        Raises what it raises of the first item of which it does.
        """
        if size_bytes < WORTH_BYTES * len(items):
            return [work(item) for item in items]
        heap = deque(enumerate(items))
        done: dict[int, B] = {}
        failed: dict[int, Exception] = {}

        def take() -> None:
            while heap and not failed:
                try:
                    number, item = heap.popleft()
                except IndexError:  # another thread was faster
                    return
                try:
                    done[number] = work(item)
                except Exception as error:
                    failed[number] = error

        helpers = [self._threads.submit(take) for _ in range(min(HELPERS, len(items) - 1))]
        take()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        if failed:
            raise failed[min(failed)]
        return [done[number] for number in range(len(items))]
