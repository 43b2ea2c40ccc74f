"""Warnings about what a source sends, which may be wrong a thousand times a second."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_PERIOD_S = 60.0


class Complaints:
    """Logs each kind of warning at most once a minute, with the number of those left out."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kinds: dict[str, tuple[float, int]] = {}

    def warn(self, text: str, *values: object) -> None:
        """Log ``text % values`` unless ``text`` was logged in the last minute."""
        now_s = self._clock_s()
        logged_s, left_out = self._kinds.get(text, (now_s - _PERIOD_S, 0))
        if now_s - logged_s < _PERIOD_S:
            self._kinds[text] = (logged_s, left_out + 1)
            return
        self._kinds[text] = (now_s, 0)
        more = f" (and {left_out} times since it was said last)" if left_out else ""
        _log.warning(text + "%s", *values, more)
