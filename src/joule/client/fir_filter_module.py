"""Filters with a finite impulse response: the output is a weighted sum of neighbouring rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.client.filter_module import FilterModule
from joule.client.sliding_window import SlidingWindow, input_and_output, run_window
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from joule.models.pipes import Pipe

_DIRECT_TAPS = 128
"""Up to about this many taps a direct sum is faster than the Fourier transform."""


class FIRFilterModule(FilterModule):
    """A filter from the pipe ``input`` to the pipe ``output`` that weights neighbouring rows.

    Each interval is filtered on its own: with N taps the first and the last N // 2 rows of it have
    no output, every other row has one with its own timestamp. Integer outputs are rounded.
    """

    def make_filter(self, parsed_args: argparse.Namespace) -> ArrayLike:
        """Give the taps, an odd number of weights; must be overridden."""
        raise NotImplementedError("a FIR filter module must have a make_filter method")

    async def run(
        self,
        parsed_args: argparse.Namespace,
        inputs: Mapping[str, Pipe],
        outputs: Mapping[str, Pipe],
    ) -> None:
        """Filter until the input ends."""
        source, target = input_and_output(inputs, outputs)
        taps = _check_taps(self.make_filter(parsed_args))
        window = SlidingWindow(len(taps), target.rows_layout, partial(convolve, taps))
        await run_window(source, target, window)


def convolve(taps: NDArray[np.float64], data: NDArray[Any]) -> NDArray[Any]:
    """Weight each run of rows of ``(n, width)`` values: gives ``(n - len(taps) + 1, width)``."""
    if len(taps) == 1 and taps[0] == 1:
        return data  # also integers that a float cannot hold
    values = data.astype(np.float64)
    if len(taps) > _DIRECT_TAPS:
        return _convolve_spectrum(taps, values)
    columns = [np.convolve(column, taps, mode="valid") for column in values.T]
    return np.stack(columns, axis=1)


def _convolve_spectrum(
    taps: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    size = 1 << (len(values) + len(taps) - 2).bit_length()
    # Without its mean a signal that sits far from zero keeps its small digits.
    mean = values.mean(axis=0)
    spectrum = np.fft.rfft(values - mean, size, axis=0)
    spectrum *= np.fft.rfft(taps, size)[:, np.newaxis]
    full = np.fft.irfft(spectrum, size, axis=0)
    valid: NDArray[np.float64] = full[len(taps) - 1 : len(values)] + mean * taps.sum()
    return valid


def _check_taps(taps: ArrayLike) -> NDArray[np.float64]:
    weights = np.asarray(taps, dtype=np.float64)
    if weights.ndim != 1 or len(weights) % 2 == 0:
        raise ConfigurationError("a FIR filter must have an odd number of taps")
    return weights
