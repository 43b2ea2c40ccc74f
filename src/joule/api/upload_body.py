"""Bytes on their way from a pipe to the request that sends them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Buffer

HELD_BYTES = 1 << 20
"""More than this makes the writer wait."""

PIECE_BYTES = 512 << 10
"""Most that is handed to the connection at once."""

_SMALL_BYTES = 64 << 10


class UploadBody:
    """A bounded hand-over from one writer to one request.

    Small writes are gathered into pieces. Large ones are not copied as a whole but borrowed, and
    cut into pieces when the connection takes them; :meth:`settle` waits until nothing is borrowed.
    """

    def __init__(self) -> None:
        self._parts: deque[bytearray | memoryview] = deque()
        self._held_bytes = 0
        self._ended = False
        self._stopped = False
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    def put(self, data: memoryview) -> None:
        """Add bytes at the end; large ones must not be changed before :meth:`settle` returns."""
        last = self._parts[-1] if self._parts else None
        if data.nbytes >= _SMALL_BYTES:
            self._parts.append(data)
        elif isinstance(last, bytearray) and len(last) + data.nbytes <= PIECE_BYTES:
            last += data
        else:
            self._parts.append(bytearray(data))
        self._held_bytes += data.nbytes
        self._filled.set()

    async def settle(self) -> None:
        """Wait until little is held and nothing is borrowed, or nobody takes anything any more.

        When this is cancelled what is still borrowed is copied.
        """
        try:
            while not self._stopped and (self._held_bytes > HELD_BYTES or self._borrows):
                self._taken.clear()
                await self._taken.wait()
        except asyncio.CancelledError:
            self._parts = deque(map(bytearray, self._parts))
            raise

    def end(self) -> None:
        """Say that nothing more will be put."""
        self._ended = True
        self._filled.set()

    def stop(self, *_: object) -> None:
        """Say that nothing more will be taken; what is held is dropped."""
        self._stopped = True
        self._parts.clear()
        self._taken.set()

    async def chunks(self) -> AsyncIterator[Buffer]:
        """Give everything that is put, in order, until the end."""
        yield b""  # sends the head of the request, so that the node knows of the writer at once
        while True:
            if self._parts:
                yield self._take()
            elif self._ended:
                return
            else:
                self._filled.clear()
                await self._filled.wait()

    @property
    def _borrows(self) -> bool:
        return any(isinstance(part, memoryview) for part in self._parts)

    def _take(self) -> bytearray:
        part = self._parts.popleft()
        if isinstance(part, memoryview):
            # A copy of its own: the connection may hold on to a piece after it is taken.
            part, rest = bytearray(part[:PIECE_BYTES]), part[PIECE_BYTES:]
            if len(rest):
                self._parts.appendleft(rest)
        self._held_bytes -= len(part)
        self._taken.set()
        return part
