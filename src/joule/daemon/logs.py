"""The daemon's log on standard error: ``YYYY-mm-dd HH:MM:SS,mmm LEVEL:message``."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import LogRecord

REPEAT_S = 5.0


class RepeatFilter(logging.Filter):
    """Shows a message that repeats within 5 s once more as ``[...repeats]``, then not at all.

    It is shown again once another message came or 5 s have passed since it was last shown.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[int, str] | None = None
        self._shown_at = 0.0
        self._repeats = 0

    def filter(self, record: LogRecord) -> bool:
        """Say whether a record is shown; may change its text."""
        message = (record.levelno, record.getMessage())
        if message != self._shown or record.created - self._shown_at >= REPEAT_S:
            self._shown, self._shown_at, self._repeats = message, record.created, 0
            return True
        self._repeats += 1
        if self._repeats > 1:
            return False
        record.msg, record.args = "[...repeats]", ()
        return True


def start_logging() -> None:
    """Send the log of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s:%(message)s"))
    handler.addFilter(RepeatFilter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def echo_module_line(module: str, line: str) -> None:
    """Copy a line of a module's output to standard error."""
    sys.stderr.write(f"{module}: {line}\n")
