"""Rows as JSON for plots: a list of intervals, each a list of ``[timestamp, value, ...]``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from joule.models.layout import flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.framing import RowBlock
    from joule.models.layout import Rows


class PlotEncoder:
    """Builds the list of intervals piece by piece, so that a long range needs little memory.

    The pieces, joined, are the JSON text of ``[[row, ...], ...]``. A row with a value that is not
    finite is left out and its interval ends there: JSON has no such numbers.
    """

    def __init__(self) -> None:
        self._segment_open = False
        self._segments = 0

    @property
    def empty(self) -> bool:
        """Whether no row was encoded so far."""
        return not self._segments

    def encode(self, block: RowBlock) -> str:
        """Give the text for the next rows of one interval; a break may come before them."""
        text = self._break() if block.starts_interval else ""
        for piece, broken in finite_runs(block.rows):
            text += self._rows(piece)
            if broken:
                text += self._break()
        return text

    def finish(self) -> str:
        """Give the text that closes what is open."""
        return self._break()

    def _rows(self, rows: Rows) -> str:
        if not len(rows):
            return ""
        body = json.dumps(flat(rows).tolist(), separators=(",", ":"))[1:-1]
        if self._segment_open:
            return "," + body
        self._segment_open = True
        self._segments += 1
        return ("," if self._segments > 1 else "") + "[" + body

    def _break(self) -> str:
        if not self._segment_open:
            return ""
        self._segment_open = False
        return "]"


def finite_runs(rows: Rows) -> Iterator[tuple[Rows, bool]]:
    """Cut rows where a value is NaN or infinite; each piece comes with whether one follows it."""
    if rows["data"].dtype.kind != "f":
        yield rows, False
        return
    start = 0
    for bad in np.flatnonzero(~np.isfinite(rows["data"]).all(axis=1)):
        yield rows[start:bad], True
        start = int(bad) + 1
    yield rows[start:], False
