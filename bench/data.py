"""The kinds of data that are measured: what compresses well, little and not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from joule.models.layout import Rows

    Values = np.ndarray[Any, np.dtype[Any]]

START_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class DataSet:
    """Rows of one layout at one rate; ``values`` makes ``(n, width)`` of them."""

    name: str
    layout: Layout
    step_us: int
    values: Callable[[int, np.random.Generator], Values]

    def rows(self, count: int) -> Rows:
        """Give the first ``count`` rows, the same every time."""
        rows = np.empty(count, dtype=self.layout.dtype)
        rows["timestamp"] = START_US + np.arange(count) * self.step_us
        rows["data"] = self.values(count, np.random.default_rng(1)).reshape(rows["data"].shape)
        return rows


def _mains(count: int, random: np.random.Generator) -> Values:
    """Three voltages and three currents at 60 Hz with harmonics, and the noise of a converter."""
    phase = np.arange(count)[:, None] * (2 * np.pi * 60 / 8000) + np.arange(6) % 3 * 2.094
    waves = np.sin(phase) + 0.05 * np.sin(3 * phase) + 0.02 * np.sin(5 * phase)
    scale = np.array([12000, 12000, 12000, 900, 500, 300])
    values: Values = np.round(waves * scale + random.normal(0, 3, (count, 6)))
    return values


def _features(count: int, random: np.random.Generator) -> Values:
    slow = np.cumsum(random.normal(0, 0.01, (count, 8)), axis=0)
    return 100 + slow + random.normal(0, 0.1, (count, 8))


def _telemetry(count: int, random: np.random.Generator) -> Values:
    return np.round(20 + np.cumsum(random.normal(0, 0.01, count)), 2)


def _noise(count: int, random: np.random.Generator) -> Values:
    return random.integers(-(2**31), 2**31, (count, 4))


MAINS = DataSet("mains int16 x 6", Layout("int16", 6), 125, _mains)
FEATURES = DataSet("features float32 x 8", Layout("float32", 8), 16_667, _features)
TELEMETRY = DataSet("telemetry float64 x 1", Layout("float64", 1), 1_000_000, _telemetry)
NOISE = DataSet("random int32 x 4", Layout("int32", 4), 125, _noise)
ALL = (MAINS, FEATURES, TELEMETRY, NOISE)
