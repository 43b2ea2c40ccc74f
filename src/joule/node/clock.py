"""Time as the node's services see it: what o'clock it is, and being called later.

Everything that waits for time to pass goes through this, so that tests turn the hands themselves.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not make the call; harmless when it was made or cancelled before."""
        ...


class Clock(Protocol):
    """A source of time."""

    def now_us(self) -> int:
        """Give the current time in UNIX microseconds."""
        ...

    def call_later(self, delay_s: float, call: Callable[[], object]) -> Timer:
        """Make a call from the event loop in ``delay_s`` seconds."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Return in ``delay_s`` seconds."""
        ...


class SystemClock:
    """The clock of this machine and the running event loop."""

    def now_us(self) -> int:
        """Give the current time in UNIX microseconds."""
        return time.time_ns() // 1000

    def call_later(self, delay_s: float, call: Callable[[], object]) -> Timer:
        """Make a call from the running event loop in ``delay_s`` seconds."""
        return asyncio.get_running_loop().call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        """Return in ``delay_s`` seconds."""
        await asyncio.sleep(delay_s)
