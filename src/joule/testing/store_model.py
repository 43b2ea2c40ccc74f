"""A sample store as small as a dictionary: the oracle for random operations on real ones.

It holds one value per timestamp and remembers breaks as pairs of neighbours, in plain Python that
shares nothing with any engine.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.intervals import Interval


class StoreModel:
    """What the store should hold: a value per timestamp, and pairs of neighbours with a break."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {}
        self.breaks: set[tuple[int, int]] = set()

    @property
    def times(self) -> list[int]:
        """Give the timestamps in order."""
        return sorted(self.values)

    def add(self, rows: dict[int, int], *, before: bool, behind: bool) -> None:
        """Take in rows; whether there is a break before the first and behind the last of them."""
        self.values.update(rows)
        neighbours = self._settle()
        for pair in neighbours:
            if pair[1] == min(rows):
                self._put(pair, there=before)
            if pair[0] == max(rows):
                self._put(pair, there=behind)

    def remove(self, times: Sequence[int]) -> None:
        """Let go of consecutive rows; a break is left where they were between others."""
        for time in times:
            del self.values[time]
        self.breaks |= {
            pair
            for pair in pairwise(self.times)
            if times and pair[0] < times[0] and times[-1] < pair[1]
        }
        self._settle()

    def inside(self, interval: Interval) -> list[int]:
        """Give the timestamps of a range."""
        return [time for time in self.times if interval.start <= time < interval.end]

    def runs(self, interval: Interval) -> list[list[int]]:
        """Give the timestamps of each unbroken run in a range."""
        runs: list[list[int]] = []
        for time in self.inside(interval):
            if runs and (runs[-1][-1], time) not in self.breaks:
                runs[-1].append(time)
            else:
                runs.append([time])
        return runs

    def _settle(self) -> list[tuple[int, int]]:
        neighbours = list(pairwise(self.times))
        self.breaks &= set(neighbours)
        return neighbours

    def _put(self, pair: tuple[int, int], *, there: bool) -> None:
        if there:
            self.breaks.add(pair)
        else:
            self.breaks.discard(pair)
