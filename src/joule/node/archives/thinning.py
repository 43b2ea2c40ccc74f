"""Of so many rows their mean: what ``decimation_factor`` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.models.layout import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from joule.models.layout import Rows


class Thinner:
    """Makes one row of ``factor`` consecutive ones, of fewer where an interval ends.

    ``next`` is the first timestamp that is not in a row that was given, None before the first one.
    Rows at the end that are too few are kept back: they come again, from ``next`` on, with those
    that follow.
    """

    def __init__(self, factor: int) -> None:
        self.next: int | None = None
        self._factor = factor
        self._rest: Rows | None = None
        self._has_break = False

    def feed(self, rows: Rows, *, starts_interval: bool) -> Iterator[tuple[Rows, bool]]:
        """Take rows and give those that are complete, and whether a break lies before them."""
        if starts_interval:
            yield from self.end()
            self._has_break = True
        if not len(rows):
            return
        whole = rows if self._rest is None else joined([self._rest, rows])
        count = len(whole) // self._factor * self._factor
        self._rest = whole[count:] if count < len(whole) else None
        if count:
            yield self._given(whole[:count], self._factor)

    def end(self) -> Iterator[tuple[Rows, bool]]:
        """Give what is kept back: no row follows in this interval."""
        if self._rest is not None:
            rest, self._rest = self._rest, None
            yield self._given(rest, len(rest))

    def _given(self, rows: Rows, factor: int) -> tuple[Rows, bool]:
        has_break, self._has_break = self._has_break, False
        self.next = int(rows["timestamp"][-1]) + 1
        return self._means(rows, factor), has_break

    @staticmethod
    def _means(rows: Rows, factor: int) -> Rows:
        if factor == 1:
            return rows
        groups = len(rows) // factor
        times = rows["timestamp"].reshape(groups, factor)
        values = rows["data"].reshape(groups, factor, -1)
        means = np.empty(groups, rows.dtype)
        first = times[:, 0]
        means["timestamp"] = first + (times - first[:, None]).sum(axis=1) // factor
        is_exact = values.dtype.kind != "f" and values.dtype.itemsize == 8
        means["data"] = _long_means(values) if is_exact else _plain_means(values)
        return means


def _plain_means(values: NDArray[Any]) -> NDArray[Any]:
    """Give the means along the second axis, finite as the values are."""
    with np.errstate(over="ignore"):  # of the sum
        found = values.mean(axis=1, dtype=np.float64)
    means: NDArray[Any] = found.clip(values.min(axis=1), values.max(axis=1))
    return means if values.dtype.kind == "f" else np.rint(means)


def _long_means(values: NDArray[Any]) -> NDArray[Any]:
    """Give the rounded means of integers that a float does not hold."""
    low = values.min(axis=1).astype(np.uint64)
    above = values.astype(np.uint64) - low[:, None]  # modulo 2^64, also where values are negative
    means: NDArray[Any] = low + np.rint(above.mean(axis=1, dtype=np.float64)).astype(np.uint64)
    return means.astype(values.dtype)
