"""What a benchmark gives, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Figure:
    """One measured quantity: ours, and what the machine can do at most (None: no such limit)."""

    name: str
    unit: str
    ours: float
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of the limit."""
        return None if not self.limit else self.ours / self.limit


class Stopwatch:
    """Times of repeated work, in seconds."""

    def __init__(self) -> None:
        self.times_s: list[float] = []

    def laps(self, count: int) -> Iterator[int]:
        """Time the body of a loop, ``count`` times."""
        for number in range(count):
            start = time.perf_counter()
            yield number
            self.times_s.append(time.perf_counter() - start)

    @property
    def median_s(self) -> float:
        """The time in the middle."""
        return statistics.median(self.times_s)


def as_table(figures: list[Figure]) -> str:
    rows = [(f.name, f.unit, f"{f.ours:.4g}", _text(f.limit), _text(f.ratio)) for f in figures]
    headers = ("", "unit", "ours", "flat file", "ratio")
    return str(tabulate(rows, headers=headers, disable_numparse=True))


def as_json(figures: list[Figure]) -> str:
    return json.dumps([{**asdict(f), "ratio": f.ratio} for f in figures], indent=1)


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
