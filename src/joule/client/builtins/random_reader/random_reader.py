"""Random numbers at a steady rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.client.checks import require_rate, require_width
from joule.client.pacing import ticks
from joule.client.reader_module import ReaderModule
from joule.utilities import time_now

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from joule.models.pipes import Pipe

_PERIOD_S = 0.1
_BLOCK_ROWS = 50_000
"""Most rows in one write, should the process have been suspended for long."""

_DESCRIPTION = """\
Write uniform random numbers between 0 and 1.

Rows are exactly 1/rate seconds apart, starting now, and are written as soon as their time has
come, at most ten times a second.
"""


class RandomReader(ReaderModule):
    """Writes ``--width`` uniform values in [0, 1) per row, ``--rate`` rows a second."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add width and rate."""
        parser.description = _DESCRIPTION
        parser.add_argument("--width", type=int, required=True, help="number of elements")
        parser.add_argument("--rate", type=float, required=True, help="rows per second")

    async def run(self, parsed_args: argparse.Namespace, output: Pipe) -> None:
        """Write until asked to stop."""
        width, rate = parsed_args.width, parsed_args.rate
        require_rate(rate)
        require_width(output, width, "set [width] to the number of elements of the stream")
        random = np.random.default_rng()
        start, done = time_now(), 0
        async for elapsed_s in ticks(self, max(_PERIOD_S, 1 / rate)):
            due = int(elapsed_s * rate) + 1
            while done < due:
                count = min(due - done, _BLOCK_ROWS)
                await output.write(_block(start, done, count, rate, random.random((count, width))))
                done += count


def timestamps(start: int, first: int, count: int, rate: float) -> NDArray[np.int64]:
    """Give the times in us of ``count`` rows from row number ``first`` on, row 0 being ``start``.

    Computed from the number of the row, so that no error adds up over time.
    """
    offsets = np.arange(first, first + count, dtype=np.float64) * (1e6 / rate)
    return start + np.floor(offsets).astype(np.int64)


def _block(start: int, first: int, count: int, rate: float, values: NDArray[Any]) -> NDArray[Any]:
    # Microseconds of this century are exact in float64.
    return np.column_stack([timestamps(start, first, count, rate), values])
