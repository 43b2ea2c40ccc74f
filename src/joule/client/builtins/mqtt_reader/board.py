"""Rows out of values that come one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Board:
    """Holds the newest value of each element until they make a row.

    With ``hold`` every change makes a row, in which the other elements keep their values; without
    it a row needs a new value of each. A value older than ``age_s`` counts as none.
    """

    def __init__(self, size: int, *, hold: bool, age_s: float) -> None:
        self._size = size
        self._hold = hold
        self._age_s = age_s
        self._values: dict[int, tuple[float, float]] = {}

    def update(self, values: Mapping[int, float], now_s: float) -> list[float] | None:
        """Take values by index of their element; gives the row that they complete."""
        self._values.update({index: (value, now_s) for index, value in values.items()})
        oldest_s = now_s - self._age_s
        young = {i: value for i, (value, since_s) in self._values.items() if since_s >= oldest_s}
        if not values or len(young) < self._size:
            return None
        if not self._hold:
            self._values.clear()
        return [young[index] for index in range(self._size)]
