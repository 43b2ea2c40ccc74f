"""The intervals of rows that pass by, for file formats that keep them beside the rows."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joule.models.layout import Rows


class IntervalLog:
    """Hears of rows and breaks, and gives ``[first timestamp, last timestamp + 1]`` of each."""

    def __init__(self) -> None:
        self._bounds = array("q")
        self._is_open = False

    def note(self, rows: Rows) -> None:
        """Hear of ``(n,)`` rows, n > 0."""
        end = int(rows["timestamp"][-1]) + 1
        if self._is_open:
            self._bounds[-1] = end
        else:
            self._bounds.extend((int(rows["timestamp"][0]), end))
            self._is_open = True

    def end(self) -> None:
        """Hear of a break."""
        self._is_open = False

    def pairs(self) -> NDArray[np.int64]:
        """Give all intervals, ``(n, 2)``."""
        return np.array(self._bounds, np.int64).reshape(-1, 2)
