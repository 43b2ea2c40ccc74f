"""The moving average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from joule.client.checks import require_window
from joule.client.fir_filter_module import FIRFilterModule

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

_DESCRIPTION = """\
Average each element over a window of rows around every row.

Reads the pipe [input] and writes the pipe [output], which have the same number of elements. The
first and last window // 2 rows of an interval have no average; a window of 1 changes nothing.
"""


class MeanFilter(FIRFilterModule):
    """Averages over ``--window`` rows, an odd number."""

    def custom_args(self, parser: argparse.ArgumentParser) -> None:
        """Add the window."""
        parser.description = _DESCRIPTION
        parser.add_argument("--window", type=int, required=True, help="rows to average, odd")

    def make_filter(self, parsed_args: argparse.Namespace) -> NDArray[np.float64]:
        """Give equal weights."""
        window = require_window(parsed_args.window)
        return np.full(window, 1 / window)
