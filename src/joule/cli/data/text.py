"""Rows as text, a row to a line: ``<timestamp> <value> <value>`` with six decimals.

Whole blocks are turned into bytes with array operations, several times faster than formatting
value by value; the characters are exactly those of ``"%.6f"``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.cli.data.columns import Columns
    from joule.models.layout import Rows

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

BLOCK_VALUES = 128 * 1024
"""Values formatted at a time: what keeps memory small."""

DECIMALS = 6
_SCALE = 10**DECIMALS
_LIMIT = 2.0**62 / _SCALE
_EXACT_LIMIT = 2.0**40 / _SCALE
_DOUBT = 2.0**-12  # far above the error of a product below 2**40 in float64

_MINUS, _POINT, _BLANK, _NEWLINE = b"-. \n"
_FOUR_DIGITS = np.array([f"{n:04d}" for n in range(10_000)], dtype="S4").view("<u4")


class TextSink:
    """Writes the chosen columns of rows through ``emit``; breaks too when they are to be marked."""

    def __init__(
        self, columns: Columns, emit: Callable[[bytes], object], *, mark_breaks: bool
    ) -> None:
        self._columns = columns
        self._emit = emit
        self._mark_breaks = mark_breaks

    def write(self, rows: Rows) -> None:
        """Write ``(n,)`` rows."""
        values = self._columns.take(rows)
        step = max(1, BLOCK_VALUES // max(1, values.shape[1]))
        for start in range(0, len(rows), step):
            block = slice(start, start + step)
            self._emit(format_rows(rows["timestamp"][block], values[block]))

    def end_interval(self) -> None:
        """Write where an interval ends."""
        if self._mark_breaks:
            self._emit(b"# interval break\n")


def format_rows(timestamps: Array, values: Array) -> bytes:
    """Write ``(n,)`` integer timestamps and ``(n, columns)`` values as lines of text."""
    if not len(timestamps):
        return b""
    scaled = _scaled(values)
    if scaled is None or timestamps.min() < 0:
        return _format_slowly(timestamps, values)
    times = _without_zeros(_digits(timestamps.astype(np.int64), 1), timestamps, 1)
    cells = _cells(scaled, np.signbit(values) if values.dtype.kind == "f" else values < 0)
    newlines = np.full((len(times), 1), _NEWLINE, np.uint8)
    text = np.concatenate([times, cells.reshape(len(times), -1), newlines], axis=1)
    data: bytes = text[text != 0].tobytes()
    return data


def _format_slowly(timestamps: Array, values: Array) -> bytes:
    line = "%d" + f" %.{DECIMALS}f" * values.shape[1]
    pairs = zip(timestamps.tolist(), values.tolist(), strict=True)
    return "".join(line % (time, *row) + "\n" for time, row in pairs).encode()


def _scaled(values: Array) -> Array | None:
    """Give ``abs(values) * 10**6`` as integers, rounded as text is; None if some do not fit."""
    magnitudes = np.abs(values.astype(np.float64))
    if not magnitudes.size or not np.all(magnitudes < _LIMIT):  # also not for NaN
        return None
    if values.dtype.kind == "i":
        whole: Array = np.abs(values.astype(np.int64)) * _SCALE
        return whole
    products = magnitudes * _SCALE
    scaled: Array = np.rint(products).astype(np.int64)
    if values.dtype.itemsize == 8:  # the product of a float32 is exact, that of a float64 is not
        if not np.all(magnitudes < _EXACT_LIMIT):
            return None
        doubtful = np.abs(products - np.floor(products) - 0.5) < _DOUBT
        exact = [round(Fraction(value) * _SCALE) for value in magnitudes[doubtful].tolist()]
        scaled[doubtful] = exact
    return scaled


def _cells(scaled: Array, negative: Array) -> Array:
    """Write each number as blank, sign and digits; ``(values, characters)``, 0 is no character."""
    scaled, negative = scaled.reshape(-1), negative.reshape(-1)
    digits = _without_zeros(_digits(scaled, DECIMALS + 1), scaled, DECIMALS + 1)
    whole = digits.shape[1] - DECIMALS
    cells = np.empty((len(scaled), digits.shape[1] + 3), np.uint8)
    cells[:, 0] = _BLANK
    cells[:, 1] = np.where(negative, _MINUS, 0)
    cells[:, 2 : 2 + whole] = digits[:, :whole]
    cells[:, 2 + whole] = _POINT
    cells[:, 3 + whole :] = digits[:, whole:]
    return cells


def _digits(numbers: Array, least: int) -> Array:
    """Write ``(n,)`` numbers >= 0 with leading zeros, as wide as the largest needs."""
    width = max(least, len(str(int(numbers.max()))))
    groups = -(-width // 4)
    quads = np.empty((len(numbers), groups), np.uint32)
    for group in range(groups - 1, -1, -1):
        rest = numbers // 10_000
        quads[:, group] = _FOUR_DIGITS[numbers - rest * 10_000]
        numbers = rest
    return quads.view(np.uint8)[:, groups * 4 - width :]


def _without_zeros(digits: Array, numbers: Array, least: int) -> Array:
    """Blank the leading zeros of ``digits``, the last ``least`` digits stay."""
    width = digits.shape[1]
    for column in range(width - least):
        digits[:, column][numbers < 10 ** (width - 1 - column)] = 0
    return digits
