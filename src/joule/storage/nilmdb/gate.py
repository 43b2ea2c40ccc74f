"""Who may be at a stream's rows: any number of readers and one that adds, or one that rewrites.

NilmDB changes what is stored in several requests, and a reader must not see the state between two
of them. Whoever looks at rows passes the gate for one request, not for all of a read.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class Gate:
    """A lock that many share or one has alone; who wants it alone goes before new sharers.

    ``generation`` is the number of times that somebody had it alone. ``repair`` is what is to be
    done, alone, before anybody passes again.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.repair: Callable[[], Awaitable[None]] | None = None
        self._turn = asyncio.Lock()
        self._sharers = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Pass together with others."""
        async with self._turn:
            await self._mend()
            self._sharers += 1
            self._is_empty.clear()
        try:
            yield
        finally:
            self._sharers -= 1
            if not self._sharers:
                self._is_empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Pass alone."""
        async with self._turn:
            await self._mend()
            await self._is_empty.wait()
            self.generation += 1
            yield

    async def _mend(self) -> None:
        if self.repair is not None:
            await self._is_empty.wait()
            self.generation += 1
            await self.repair()
            self.repair = None
