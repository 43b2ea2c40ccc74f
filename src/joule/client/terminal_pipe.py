"""The output of a reader that is run by hand: rows as text on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.client.console import note, say
from joule.errors import PipeError
from joule.models.pipes import Pipe
from joule.models.pipes.rows import matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

INTERVAL_GAP = "--- interval gap ---"


class TerminalPipe(Pipe):
    """An output without a layout: prints ``<timestamp> <value> <value> ...`` for every row.

    Takes what other output pipes take, of any width. Breaks are noted on standard error.
    """

    def __init__(self) -> None:
        super().__init__("output", Pipe.DIRECTION.OUTPUT)

    async def write(self, data: Any) -> None:
        """Print rows; raises ``PipeError`` when they are none."""
        if self.closed:
            raise PipeError("Cannot write to a closed pipe")
        timestamps, values = _columns(data)
        lines = (
            " ".join(map(str, (int(timestamp), *map(float, row))))
            for timestamp, row in zip(timestamps, values, strict=True)
        )
        text = "\n".join(lines)
        if text:
            say(text)

    async def close_interval(self) -> None:
        """Note a break."""
        note(INTERVAL_GAP)

    def close_interval_nowait(self) -> None:
        """Note a break."""
        note(INTERVAL_GAP)

    def enable_cache(self, num_rows: int) -> None:
        """Do nothing: a person is reading."""

    async def flush_cache(self) -> None:
        """Do nothing: a person is reading."""

    def subscribe(self, pipe: Pipe) -> Callable[[], None]:
        """Refuse."""
        raise PipeError("a terminal cannot be subscribed to")


def _columns(data: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    if isinstance(data, np.ndarray) and data.dtype.names == ("timestamp", "data"):
        return data["timestamp"], data["data"].reshape(len(data), -1)
    rows = matrix(data)
    return rows[:, 0], rows[:, 1:]
