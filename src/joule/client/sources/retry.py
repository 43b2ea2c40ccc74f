"""How long to wait before a source is tried again."""

from __future__ import annotations


class Delays:
    """Seconds to wait: ``first``, then twice as long each time, up to ``longest``."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next(self) -> float:
        """Give the next delay."""
        delay_s = min(self._next_s, self._longest_s)
        self._next_s = delay_s * 2
        return delay_s

    def reset(self) -> None:
        """Begin with the first delay again."""
        self._next_s = self._first_s
