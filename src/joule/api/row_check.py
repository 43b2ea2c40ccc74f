"""What rows must be like before they are sent: rising times, finite values."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from joule import kernels
from joule.errors import DataError
from joule.models.layout import find_tokens
from joule.utilities import time_now, timestamp_to_human

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.models.streams import DataStream

log = logging.getLogger(__name__)


class RowCheck:
    """Checks the rows of one write, across all its blocks; call it with ``(n,)`` rows, n > 0."""

    def __init__(self, stream: DataStream) -> None:
        self._stream = stream
        self._last: int | None = None
        self._warned = False

    def __call__(self, rows: Rows) -> None:
        """Raise ``DataError`` with the rule that a row breaks; else remember the last time."""
        timestamps = rows["timestamp"]
        first, last = int(timestamps[0]), int(timestamps[-1])
        if self._last is not None and first <= self._last:
            raise DataError(_not_monotonic(self._last, first))
        falling, infinite = kernels.check(rows)
        if falling is not None:
            before, after = timestamps[falling - 1 : falling + 1]
            raise DataError(_not_monotonic(int(before), int(after)))
        if infinite is not None:
            raise DataError("invalid values (NaN or Inf)")
        if first <= 0 <= last and len(find_tokens(rows)):
            raise DataError("a row of zeros at time 0 cannot be sent, it marks an interval break")
        self._warn_of_expired(first)
        self._last = last

    def _warn_of_expired(self, first: int) -> None:
        keep_us = self._stream.keep_us
        if self._warned or keep_us < 0 or first >= time_now() - keep_us:
            return
        self._warned = True
        log.warning(
            "rows of %s are older than stream [%s] keeps them and may be removed at once",
            timestamp_to_human(first).rstrip(),
            self._stream.name,
        )


def _not_monotonic(before: int, after: int) -> str:
    return f"timestamps are not monotonic: {after} comes after {before}"
