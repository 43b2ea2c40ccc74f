"""The moving median."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from joule.client.checks import require_window
from joule.client.filter_module import FilterModule
from joule.client.sliding_window import SlidingWindow, input_and_output, run_window

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from joule.models.pipes import Pipe

_SORTED_VALUES = 1 << 20
"""Values that are copied to be sorted at a time."""

_DESCRIPTION = """\
Take the median of each element over a window of rows around every row.

Reads the pipe [input] and writes the pipe [output], which have the same number of elements. The
first and last window // 2 rows of an interval have no median; a window of 1 changes nothing.
"""


class MedianFilter(FilterModule):
    """Takes the median of ``--window`` rows, an odd number."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the window."""
        parser.description = _DESCRIPTION
        parser.add_argument("--window", type=int, required=True, help="rows to look at, odd")

    async def run(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Filter until the input ends."""
        size = require_window(parsed_args.window)
        source, target = input_and_output(inputs, outputs)
        window = SlidingWindow(size, target.rows_layout, partial(medians, size))
        await run_window(source, target, window)


def medians(size: int, data: NDArray[Any]) -> NDArray[Any]:
    """Give the median of every run of ``size`` rows: ``(n, width)`` to ``(n - size + 1, width)``.

    The datatype stays: with an odd size the median is one of the values.
    """
    windows = sliding_window_view(data, size, axis=0)
    out = np.empty(windows.shape[:2], data.dtype)
    step = max(1, _SORTED_VALUES // (size * data.shape[1]))
    for start in range(0, len(out), step):
        piece = windows[start : start + step]
        out[start : start + step] = np.partition(piece, size // 2, axis=-1)[..., size // 2]
    return out
