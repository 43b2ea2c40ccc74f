"""From a pipe to where the rows are wanted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from joule.errors import EmptyPipeError

if TYPE_CHECKING:
    from joule.models import Pipe
    from joule.models.layout import Rows


class Sink(Protocol):
    """Where rows go."""

    def write(self, rows: Rows) -> None:
        """Take ``(n,)`` rows, which the caller may overwrite afterwards."""

    def end_interval(self) -> None:
        """Take note that an interval ends."""


async def copy(pipe: Pipe, sink: Sink) -> int:
    """Hand everything that comes out of the pipe to ``sink``; gives the number of rows."""
    count = 0
    with contextlib.suppress(EmptyPipeError):
        while True:
            rows = await pipe.read()
            if len(rows):
                sink.write(rows)
            if pipe.end_of_interval:
                sink.end_interval()
            pipe.consume(len(rows))
            count += len(rows)
    return count
