"""When a reader takes its samples: at a steady pace, and not a moment after it is asked to stop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.client.base_module import BaseModule

_NAP_NS = 250_000_000
"""Longest wait in one piece, so that a slow reader notices a request to stop."""


async def ticks(module: BaseModule, period_s: float) -> AsyncIterator[float]:
    """Give the elapsed seconds now and after every period until ``module`` is asked to stop.

    The pace does not drift. A tick that is late comes at once, those missed altogether do not.
    """
    period = max(1, round(period_s * 1e9))
    start, due = time.monotonic_ns(), 0
    while not module.stop_requested:
        elapsed = time.monotonic_ns() - start
        if elapsed >= due:
            yield elapsed / 1e9
            due = (elapsed // period + 1) * period
        else:
            await asyncio.sleep(min(_NAP_NS, due - elapsed) / 1e9)
