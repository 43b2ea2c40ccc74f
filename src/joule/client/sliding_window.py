"""Filters that compute each row from a window of neighbouring rows, interval by interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from joule.errors import ConfigurationError
from joule.models.layout import copied, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from joule.models.layout import Layout, Rows
    from joule.models.pipes import Pipe

Kernel: TypeAlias = "Callable[[NDArray[Any]], NDArray[Any]]"
"""Makes ``(n - size + 1, width)`` values out of ``(n, width)`` ones, ``n >= size``."""


class SlidingWindow:
    """Takes an interval piece by piece and keeps the rows that the next piece still needs.

    A window of ``size`` rows (odd) gives one row with the timestamp of its middle, so an interval
    of L rows gives L - size + 1 however it was cut into pieces.
    """

    def __init__(self, size: int, layout: Layout, kernel: Kernel) -> None:
        if size < 1 or size % 2 == 0:
            raise ConfigurationError(f"a window must have an odd number of rows, not {size}")
        self._size = size
        self._layout = layout
        self._kernel = kernel
        self._tail: list[Rows] = []

    def push(self, rows: Rows) -> Rows:
        """Take the next rows of the interval and give those that are complete."""
        rows = joined([*self._tail, rows])
        complete = max(0, len(rows) - self._size + 1)
        self._tail = [copied(rows[complete:])]
        out = np.empty(complete, self._layout.dtype)
        if complete:
            middle = self._size // 2
            out["timestamp"] = rows["timestamp"][middle : middle + complete]
            out["data"] = fit(self._kernel(rows["data"]), self._layout)
        return out

    def end_interval(self) -> None:
        """Forget the rows that are waiting: the next ones do not belong to them."""
        self._tail.clear()


async def run_window(source: Pipe, target: Pipe, window: SlidingWindow) -> None:
    """Pass everything through the window until the source ends; breaks stay where they are."""
    while await source.not_empty():
        rows = await source.read()
        source.consume(len(rows))
        done = window.push(rows)
        if len(done):
            await target.write(done)
        if source.end_of_interval:
            window.end_interval()
            await target.close_interval()


def input_and_output(inputs: Mapping[str, Pipe], outputs: Mapping[str, Pipe]) -> tuple[Pipe, Pipe]:
    """Give the pipes called ``input`` and ``output``; ``ConfigurationError`` unless they match."""
    if "input" not in inputs or "output" not in outputs:
        raise ConfigurationError("this filter needs an input called [input] and an [output]")
    source, target = inputs["input"], outputs["output"]
    if source.width != target.width:
        raise ConfigurationError(
            f"output must have as many elements as input: {source.width}, not {target.width}"
        )
    return source, target


def fit(values: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Round values that go into integer elements, where they would be cut off otherwise."""
    if values.dtype.kind != "f" or layout.datatype.startswith("float"):
        return values
    rounded: NDArray[Any] = np.rint(values)
    return rounded
