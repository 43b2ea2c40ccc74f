"""Rows on their way to another node."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from joule.models.layout import Rows

BYTES_MAX = 32 << 20

ENTRY_BYTES = 256
"""What rows that came together take beside their own memory."""


@dataclass(frozen=True, slots=True)
class _Entry:
    rows: Rows
    starts_interval: bool

    @property
    def size_bytes(self) -> int:
        return self.rows.nbytes + ENTRY_BYTES


class WaitingRows:
    """Rows until they are known to be stored, at most ``bytes_max`` of them.

    When it is full the oldest rows give way, with a line of ``say`` and a break: what a module
    does elsewhere must not wait for a node that may be away for days.
    """

    def __init__(self, say: Callable[[str], None], name: str, bytes_max: int = BYTES_MAX) -> None:
        self._say = say
        self._name = name
        self._bytes_max = bytes_max
        self._entries: deque[_Entry] = deque()
        self._sent = 0
        self._sent_until: int | None = None
        self._bytes = 0
        self._break_due = True
        self._is_losing = False
        self._is_first = True

    @property
    def count(self) -> int:
        """Number of rows."""
        return sum(len(entry.rows) for entry in self._entries)

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return not self._entries

    def add(self, rows: Rows) -> None:
        """Put rows behind the others."""
        self._entries.append(_Entry(rows, self._break_due))
        self._bytes += self._entries[-1].size_bytes
        self._break_due = False
        while self._bytes > self._bytes_max and len(self._entries) > 1:
            self._drop_oldest()

    def end_interval(self) -> None:
        """Let the next rows begin an interval."""
        self._break_due = True

    def begin(self, stored_until: int | None) -> None:
        """Begin to send anew to a node that has rows up to this time."""
        self.confirm(stored_until)
        self._sent = 0
        self._is_first = True

    def gap_us(self, stored_until: int | None) -> int:
        """Give the gap over which the first rows belong to those that are stored."""
        if not self._entries or stored_until is None or self._entries[0].starts_interval:
            return 0
        return max(int(self._entries[0].rows["timestamp"][0]) - stored_until, 0)

    def unsent(self) -> Iterator[tuple[Rows, bool]]:
        """Give what was not sent, and whether a break comes before it; then it counts as sent."""
        while self._sent < len(self._entries):
            entry = self._entries[self._sent]
            self._sent += 1
            self._sent_until = int(entry.rows["timestamp"][-1])
            yield entry.rows, entry.starts_interval and not self._is_first
            self._is_first = False

    def confirm(self, stored_until: int | None) -> None:
        """Forget what was sent and is stored: all rows up to this time."""
        if stored_until is None or self._sent_until is None:
            return
        until = min(stored_until, self._sent_until)
        while self._entries and self._entries[0].rows["timestamp"][-1] <= until:
            self._pop()
            self._is_losing = False
        if self._entries:
            self._cut(until)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._sent = self._bytes = 0

    def _cut(self, until: int) -> None:
        first = self._entries[0]
        passed = int(np.searchsorted(first.rows["timestamp"], until, side="right"))
        if passed:
            rows = first.rows[passed:]
            self._bytes -= first.rows.nbytes - rows.nbytes
            self._entries[0] = _Entry(rows, starts_interval=False)

    def _pop(self) -> None:
        self._bytes -= self._entries.popleft().size_bytes
        self._sent = max(self._sent - 1, 0)

    def _drop_oldest(self) -> None:
        self._pop()
        self._entries[0] = replace(self._entries[0], starts_interval=True)
        if not self._is_losing:
            self._is_losing = True
            self._say(f"ERROR: the oldest rows for [{self._name}] are lost, too many are waiting")
