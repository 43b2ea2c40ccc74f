"""A clock whose hands a test turns."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SETTLE_TURNS = 20
"""Turns of the event loop that tasks get to react to a call, before time goes on."""


class FakeTimer:
    """A call that :class:`FakeClock` makes when its time has come."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Do not make the call."""
        self.call = None


class FakeClock:
    """A ``Clock`` that stands still until :meth:`advance`; starts at ``now_us`` (UNIX us)."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us
        self._order = itertools.count()
        self._timers: list[tuple[int, int, FakeTimer]] = []

    @property
    def waiting(self) -> int:
        """Number of calls that are still to be made."""
        return sum(timer.call is not None for _, _, timer in self._timers)

    def now_us(self) -> int:
        """Give the time shown, in UNIX microseconds."""
        return self._now_us

    def call_later(self, delay_s: float, call: Callable[[], object]) -> FakeTimer:
        """Make a call once the hands were turned by ``delay_s``."""
        timer = FakeTimer(call)
        due_us = self._now_us + round(delay_s * 1e6)
        heapq.heappush(self._timers, (due_us, next(self._order), timer))
        return timer

    async def sleep(self, delay_s: float) -> None:
        """Return once the hands were turned by ``delay_s``."""
        over = asyncio.Event()
        timer = self.call_later(delay_s, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Turn the hands, make what falls due on the way, and let tasks react to each call."""
        end_us = self._now_us + round(seconds * 1e6)
        await settle()
        while self._timers and self._timers[0][0] <= end_us:
            due_us, _, timer = heapq.heappop(self._timers)
            self._now_us = max(self._now_us, due_us)
            if timer.call is not None:
                call, timer.call = timer.call, None
                call()
                await settle()
        self._now_us = end_us


async def settle() -> None:
    """Let all tasks that are ready run until they wait for something."""
    for _ in range(SETTLE_TURNS):
        await asyncio.sleep(0)
