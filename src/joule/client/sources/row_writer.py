"""From the rows of a source to those of a stream: times that rise, values that fit, breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.client.terminal_pipe import TerminalPipe
from joule.utilities import time_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from joule.client.sources.complaints import Complaints
    from joule.client.sources.source import Row
    from joule.models.pipes import Pipe


class RowWriter:
    """Writes rows to ``output``, with a break where two are more than ``gap_us`` apart.

    A row that is not later than the one before it, or whose values do not fit the stream, is left
    out with a warning.
    """

    def __init__(
        self,
        output: Pipe,
        gap_us: int,
        complaints: Complaints,
        clock_us: Callable[[], int] = time_now,
    ) -> None:
        self._output = output
        self._gap_us = gap_us
        self._complaints = complaints
        self._clock_us = clock_us
        is_text = isinstance(output, TerminalPipe)
        self._type = np.dtype(np.float64 if is_text else output.dtype["data"].base)
        self._last: int | None = None
        self._waiting: list[tuple[int, NDArray[Any]]] = []

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows that came together, waiting until there is room for them."""
        for row in rows:
            values = self._fitting(row.values)
            timestamp = self._timestamp(row)
            if values is None or timestamp is None:
                continue
            if self._last is not None and timestamp - self._last > self._gap_us:
                await self._flush()
                await self._output.close_interval()
            self._last = timestamp
            self._waiting.append((timestamp, values))
        await self._flush()

    def _timestamp(self, row: Row) -> int | None:
        if row.timestamp is None:
            return max(self._clock_us(), (self._last or 0) + 1)
        if row.timestamp <= (self._last or 0):
            self._complaints.warn(
                "a row is left out, its time [%d] is not after [%d]", row.timestamp, self._last or 0
            )
            return None
        return row.timestamp

    def _fitting(self, values: Sequence[float]) -> NDArray[Any] | None:
        try:
            if self._type.kind != "f":
                return np.array([round(value) for value in values], self._type)
            with np.errstate(over="ignore"):
                fitting = np.array(values, self._type)
        except (ValueError, OverflowError):
            fitting = None
        if fitting is None or not np.isfinite(fitting).all():
            self._complaints.warn("a row is left out, %s does not fit %s", values, self._type)
            return None
        return fitting

    async def _flush(self) -> None:
        """Write what is waiting; it is gone even when this is cancelled."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if isinstance(self._output, TerminalPipe):
            await self._output.write([[time, *values] for time, values in waiting])
            return
        rows = np.empty(len(waiting), self._output.dtype)
        rows["timestamp"] = [time for time, _ in waiting]
        rows["data"] = [values for _, values in waiting]
        await self._output.write(rows)
