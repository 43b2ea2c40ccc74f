"""What the page shows: the newest value of each element, and its extremes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from joule.models.streams import DataStream

NOTHING = "&mdash;"
"""Stands for a value that is not known yet."""


@dataclass(slots=True)
class Reading:
    """One element of one stream; minimum and maximum are since the last reset."""

    id: int
    stream: str
    element: str
    value: float | str = NOTHING
    minimum: float | str = NOTHING
    maximum: float | str = NOTHING

    def update(self, value: float, minimum: float, maximum: float) -> None:
        """Take the mean and the extremes of the newest rows."""
        self.value = value
        self.minimum = minimum if isinstance(self.minimum, str) else min(self.minimum, minimum)
        self.maximum = maximum if isinstance(self.maximum, str) else max(self.maximum, maximum)

    def reset(self) -> None:
        """Forget the extremes."""
        self.minimum = self.maximum = NOTHING

    def as_json(self) -> dict[str, Any]:
        """Give what the page is sent."""
        return {
            "stream": self.stream,
            "element": self.element,
            "value": self.value,
            "min": self.minimum,
            "max": self.maximum,
            "id": self.id,
        }


def readings_of(streams: Sequence[DataStream]) -> list[list[Reading]]:
    """Give a reading per element of each stream, numbered through all streams."""
    out: list[list[Reading]] = []
    number = 0
    for stream in streams:
        names = [element.name for element in stream.elements]
        out.append([Reading(number + i, stream.name, name) for i, name in enumerate(names)])
        number += len(names)
    return out


def update(readings: Sequence[Reading], data: NDArray[Any]) -> None:
    """Take ``(n, width)`` values, at least one row, into one reading per column."""
    columns = (data.mean(axis=0, dtype=np.float64), data.min(axis=0), data.max(axis=0))
    for reading, value, minimum, maximum in zip(readings, *columns, strict=True):
        reading.update(float(value), float(minimum), float(maximum))
