"""When a reader takes its samples: at a steady pace, and not a moment after it is asked to stop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.client.base_module import BaseModule

_NAP_S = 0.25
"""Longest wait in one piece, so that a slow reader notices a request to stop."""


async def ticks(module: BaseModule, period_s: float) -> AsyncIterator[float]:
    """Give the elapsed seconds now and after every period until ``module`` is asked to stop.

    The pace does not drift; periods that were missed are skipped.
    """
    start = time.monotonic()
    due = 0.0
    while not module.stop_requested:
        elapsed = time.monotonic() - start
        if elapsed >= due:
            yield elapsed
            due = (elapsed // period_s + 1) * period_s
        else:
            await asyncio.sleep(min(_NAP_S, due - elapsed))
