"""Pipes whose methods wait. They are what a blocking node gives for reading and writing rows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from joule.api.sync.loop_thread import NodeClosedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from joule import models
    from joule.api.sync.loop_thread import LoopThread
    from joule.models.layout import Rows
    from joule.models.streams import DataStream


class Pipe:
    """Rows of one layout, cut into intervals by breaks; a context manager that closes itself."""

    def __init__(self, pipe: models.Pipe, thread: LoopThread) -> None:
        self._pipe = pipe
        self._thread = thread

    def __repr__(self) -> str:
        return f"<joule.api.sync.{type(self).__name__} name={self.name!r} layout={self.layout!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def name(self) -> str | None:
        """The name of the stream."""
        return self._pipe.name

    @property
    def stream(self) -> DataStream | None:
        """The stream behind the pipe."""
        return self._pipe.stream

    @property
    def layout(self) -> str:
        """The layout text, for example ``float32_2``."""
        return self._pipe.layout

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Structured dtype of the rows: ``timestamp`` ``<i8`` and ``data`` ``(width,)``."""
        return self._pipe.dtype

    @property
    def width(self) -> int:
        """Number of elements."""
        return self._pipe.width

    @property
    def decimation_level(self) -> int:
        """How many stored rows each row stands for."""
        return self._pipe.decimation_level

    @property
    def decimated(self) -> bool:
        """Whether the rows stand for groups of rows."""
        return self._pipe.decimated

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._pipe.closed

    def close(self) -> None:
        """Close the pipe; closing again does nothing."""
        if self._pipe.closed:
            return
        try:
            self._thread.run(self._pipe.close())
        finally:
            self._pipe.closed = True  # also when there is no thread left to do it


class InputPipe(Pipe):
    """A pipe to read from, also with ``for rows in pipe``, which gives blocks of new rows.

    A block never holds rows of two intervals. The pipe is closed when the loop has run to the
    end of the data.
    """

    def __iter__(self) -> Iterator[Rows]:
        while self.not_empty():
            rows = self.read()
            self.consume(len(rows))
            if len(rows):
                yield rows
        self.close()

    def close(self) -> None:
        """Stop reading; closing again, or after the node was closed, does nothing."""
        with suppress(NodeClosedError):
            super().close()

    @property
    def end_of_interval(self) -> bool:
        """Whether the last read stopped at a break."""
        return self._pipe.end_of_interval

    def read(self, flatten: bool = False) -> Rows:
        """Return the unconsumed rows followed by new ones, up to the next interval end.

        Waits for new rows. The result is a ``(n,)`` array in ``dtype``, or with ``flatten``
        ``(n, width + 1)`` with timestamps in column 0. Raises ``EmptyPipeError`` at the end.
        """
        return self._thread.run(self._pipe.read(flatten))

    def consume(self, num_rows: int) -> None:
        """Drop ``num_rows`` rows from the front of what was read."""
        self._pipe.consume(num_rows)

    def consume_all(self) -> None:
        """Drop all rows that were read."""
        self._pipe.consume_all()

    def reread_last(self) -> None:
        """Let the next read return the unconsumed rows of the last one, and nothing new."""
        self._pipe.reread_last()

    def is_empty(self) -> bool:
        """Tell whether the pipe has ended, waiting for rows if it has not."""
        return self._thread.run(self._pipe.is_empty())

    def not_empty(self) -> bool:
        """Tell whether a read will give something, waiting for rows if there are none."""
        return self._thread.run(self._pipe.not_empty())

    def read_all(
        self, flatten: bool = False, maxrows: int = 100_000, error_on_overflow: bool = False
    ) -> Rows:
        """Return everything until the pipe ends, interval ends ignored, and close it.

        Gives at most the first ``maxrows`` rows; with ``error_on_overflow`` more are a
        ``PipeError``. No rows at all are a ``PipeError`` too.
        """
        return self._thread.run(self._pipe.read_all(flatten, maxrows, error_on_overflow))


class OutputPipe(Pipe):
    """A pipe to write to; rows are stored for certain when it has been closed.

    Closing it raises what the node refuses, and ``ApiError`` when the node was closed before.
    """

    def write(self, data: Any) -> None:
        """Write rows: a ``(n,)`` array in ``dtype``, or 2-D with timestamps in column 0.

        Waits while the node is slower. Raises ``DataError`` when times do not rise or a value is
        not finite, and what the node refuses.
        """
        self._thread.run(self._pipe.write(data))

    def close_interval(self) -> None:
        """Mark a break behind all rows written so far."""
        self._thread.run(self._pipe.close_interval())

    def enable_cache(self, num_rows: int) -> None:
        """Gather small writes until there are ``num_rows`` rows."""
        self._pipe.enable_cache(num_rows)

    def flush_cache(self) -> None:
        """Send the gathered rows on."""
        self._thread.run(self._pipe.flush_cache())
