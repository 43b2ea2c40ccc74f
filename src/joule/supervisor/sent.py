"""What was written to a pipe and may still lie in it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joule.supervisor.pipes import PipeSink

KEPT_BYTES = 1 << 16
"""Below this nobody asks how much of it was read: a small price for a block that costs little."""


class SentRows:
    """The end of what a process was sent: what it has not read, and a little more.

    Memory is that of the blocks that the pipe still holds. The first byte sent to a process is the
    first one of a row.
    """

    def __init__(self, row_bytes: int) -> None:
        self._row_bytes = row_bytes
        self._parts: deque[memoryview] = deque()
        self._kept = 0
        self._sent = 0

    def add(self, part: memoryview, sink: PipeSink) -> None:
        """Note that ``part`` was written to the pipe."""
        self._parts.append(part)
        self._kept += len(part)
        self._sent += len(part)
        if self._kept > KEPT_BYTES:
            self._forget(sink.unread() + self._row_bytes)

    def take_back(self, sink: PipeSink) -> list[memoryview]:
        """Give what is to be sent again: from the first row on that was not read to its end.

        Nobody reads the pipe any more. What is sent next is for another process.
        """
        unread = sink.unread()
        torn = (self._sent - unread) % self._row_bytes
        self._forget(unread + torn)
        parts, excess = list(self._parts), self._kept - unread - torn
        if excess:
            parts[0] = parts[0][excess:]
        self._parts.clear()
        self._kept = self._sent = 0
        return parts

    def _forget(self, needed: int) -> None:
        """Let go of the parts that lie before the last ``needed`` bytes."""
        while self._parts and self._kept - len(self._parts[0]) >= needed:
            self._kept -= len(self._parts.popleft())
