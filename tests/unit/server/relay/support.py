"""What the tests of apps behind a node share."""

from __future__ import annotations

import asyncio
from typing import Any

KEY = "X-API-KEY"
BUFFERS_MAX = 24 << 20
"""What sockets and buffers on the way may hold together; far less than what is poured."""


async def text_of(request: Any) -> tuple[int, str]:
    async with request as answer:
        return answer.status, await answer.text()


async def settled(count: Any) -> None:
    """Wait until a count stands still, since nobody takes more."""
    before = -1
    while count() != before:
        before = count()
        await asyncio.sleep(0.3)
