"""Checks that built-in modules share, with messages for whoever wrote the module file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.client.terminal_pipe import TerminalPipe
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from joule.models.pipes import Pipe


def require_width(output: Pipe, width: int, hint: str = "") -> None:
    """Raise ``ConfigurationError`` unless the output has this many elements.

    ``hint`` tells what to do about it. A terminal takes any number.
    """
    if not isinstance(output, TerminalPipe) and output.width != width:
        raise ConfigurationError(
            f"the output must have {width} elements, not {output.width}{hint and '; '}{hint}"
        )


def require_rate(rate: float, highest_hz: float = 1e6) -> None:
    """Raise ``ConfigurationError`` unless rows at this rate can have timestamps of their own."""
    if not 0 < rate <= highest_hz:
        raise ConfigurationError(f"rate must be above 0 and at most {highest_hz:g} Hz, not {rate}")


def require_window(rows: int) -> int:
    """Give back the length of a window; ``ConfigurationError`` unless it is odd."""
    if rows < 1 or rows % 2 == 0:
        raise ConfigurationError(f"window must be an odd number of rows, not {rows}")
    return rows
