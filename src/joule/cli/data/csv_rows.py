"""Rows as comma separated values: a header with the names, then exact numbers.

Every number is the shortest text that gives the same value again in the stream's datatype. A line
``# interval break`` stands where data is missing, if that is wanted.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from joule.cli.data.columns import Columns
    from joule.models.layout import Rows

BREAK = "# interval break"
TIMESTAMP = "timestamp"

_BLOCK_VALUES = 64 * 1024


class CsvSink:
    """Writes the chosen columns of rows as lines of text through ``emit``."""

    def __init__(
        self,
        emit: Callable[[bytes], object],
        columns: Columns,
        names: Sequence[str],
        *,
        mark_breaks: bool,
    ) -> None:
        self._emit = emit
        self._columns = columns
        self._mark_breaks = mark_breaks
        self._header: bytes | None = _line([TIMESTAMP, *names])
        self._has_ended = False

    def write(self, rows: Rows) -> None:
        """Write ``(n,)`` rows, the header before the first ones."""
        if self._header is not None:
            self._emit(self._header)
            self._header = None
        if self._has_ended:
            self._has_ended = False
            self._emit(f"{BREAK}\n".encode())
        values = self._columns.take(rows)
        step = max(1, _BLOCK_VALUES // values.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            self._emit(format_csv(rows["timestamp"][part], values[part]))

    def end_interval(self) -> None:
        """Mark the break, once rows come behind it."""
        self._has_ended = self._mark_breaks

    def close(self) -> None:
        """Do nothing: every line is whole."""


def format_csv(timestamps: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> bytes:
    """Write ``(n,)`` timestamps and ``(n, columns)`` values as lines."""
    cells = values.astype("U").tolist() if values.dtype == np.float32 else values.tolist()
    as_text = "".join if values.dtype == np.float32 else repr
    join = ",".join
    pairs = zip(timestamps.tolist(), cells, strict=True)
    return "".join(f"{time},{join(map(as_text, row))}\n" for time, row in pairs).encode()


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
