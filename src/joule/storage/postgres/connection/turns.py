"""One after the other; but who stands in line for a server that does not answer is told at once.

If each of them waited for a time-out of its own, the last ones would do so for minutes.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from joule.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Turns:
    """A lock for steps that ask a server."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._silences = 0
        self._fault = ""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; ``StorageError`` when the server was silent to another one meanwhile."""
        silences = self._silences
        async with self._lock:
            if silences != self._silences:
                raise StorageError(self._fault)
            try:
                yield
            except StorageError as error:
                if isinstance(error.__cause__, TimeoutError):
                    self._silences += 1
                    self._fault = str(error)
                raise
