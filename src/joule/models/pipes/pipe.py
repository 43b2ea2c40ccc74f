"""What every pipe has: a name, a direction, a layout, and an end.

A module is written against this class alone. Which of the methods work depends on the direction:
the two halves are in ``reading.py`` and ``writing.py``; here they refuse.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from joule.errors import PipeError
from joule.models.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy as np

    from joule.models.layout import Rows
    from joule.models.streams import DataStream

    CloseCallback: TypeAlias = Callable[[], Awaitable[object]]

ABSTRACT = "abstract method must be implemented by child"


class Pipe:
    """Rows of one layout that go from a writer to a reader, cut into intervals by breaks.

    ``end_of_interval`` says whether the last read stopped at a break; ``decimation_level`` is 1
    unless the rows are groups of that many rows. A pipe has one reader and one writer at a time
    and belongs to one event loop. It is an async context manager that closes itself.
    """

    class DIRECTION(Enum):
        """Which way rows go, seen from the module."""

        INPUT = "INPUT"
        OUTPUT = "OUTPUT"
        TWOWAY = "TWOWAY"

    def __init__(
        self,
        name: str | None = None,
        direction: DIRECTION | None = None,
        layout: str | None = None,
        stream: DataStream | None = None,
        close_cb: CloseCallback | None = None,
    ) -> None:
        self.name = name
        self.direction = direction
        self.stream = stream
        self.decimation_level = 1
        self.end_of_interval = False
        self.closed = False
        self.failed = False
        self.subscribers: list[Pipe] = []
        self.close_cb = close_cb
        self._fault: BaseException | None = None
        self._layout = layout

    def __repr__(self) -> str:
        direction = self.direction.name if self.direction else "UNKNOWN"
        return (
            f"<joule.models.Pipe name={self.name!r} direction={direction!r} layout={self._text!r}>"
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # ------------------------------------------------------------------ layout

    @property
    def layout(self) -> str:
        """The layout text, for example ``float32_2``; ``ValueError`` when there is none."""
        if self._text is None:
            raise ValueError("pipe has no layout")
        return self._text

    @layout.setter
    def layout(self, layout: str) -> None:
        self._layout = layout

    @property
    def dtype(self) -> np.dtype[np.void]:
        """Structured dtype of the rows: ``timestamp`` ``<i8`` and ``data`` ``(width,)``."""
        return self.rows_layout.dtype

    @property
    def width(self) -> int:
        """Number of elements."""
        return self.rows_layout.width

    @property
    def rows_layout(self) -> Layout:
        """The layout as a value."""
        return Layout.parse(self.layout)

    @property
    def decimated(self) -> bool:
        """Whether the rows stand for groups of rows."""
        return self.decimation_level > 1

    def change_layout(self, layout: str) -> None:
        """Empty the pipe and give it another layout (local pipes only)."""
        raise PipeError("layout cannot be changed")

    # ------------------------------------------------------------------ reading

    async def read(self, flatten: bool = False) -> Rows:
        """Read rows; see :class:`joule.models.pipes.reading.ReadablePipe`."""
        raise PipeError(ABSTRACT)

    def consume(self, num_rows: int) -> None:
        """Drop rows from the front of what was read."""
        raise PipeError(ABSTRACT)

    def consume_all(self) -> None:
        """Drop all rows that were read."""
        raise PipeError(ABSTRACT)

    def reread_last(self) -> None:
        """Let the next read return what is left of the last one, and nothing new."""
        raise PipeError(ABSTRACT)

    async def is_empty(self) -> bool:
        """Tell whether the pipe has ended, waiting for rows if it has not."""
        raise PipeError(ABSTRACT)

    async def not_empty(self) -> bool:
        """Tell whether a read will give something, waiting for rows if there are none."""
        raise PipeError(ABSTRACT)

    async def read_all(
        self, flatten: bool = False, maxrows: int = 100_000, error_on_overflow: bool = False
    ) -> Rows:
        """Read until the pipe ends."""
        raise PipeError(ABSTRACT)

    # ------------------------------------------------------------------ writing

    async def write(self, data: Any) -> None:
        """Write rows; see :class:`joule.models.pipes.writing.WritablePipe`."""
        raise PipeError(ABSTRACT)

    async def close_interval(self) -> None:
        """Mark a break behind all rows written so far."""
        raise PipeError(ABSTRACT)

    def close_interval_nowait(self) -> None:
        """Mark a break without waiting for room."""
        raise PipeError(ABSTRACT)

    def enable_cache(self, num_rows: int) -> None:
        """Gather small writes until there are ``num_rows`` rows."""
        raise PipeError(ABSTRACT)

    async def flush_cache(self) -> None:
        """Send the gathered rows on."""
        raise PipeError(ABSTRACT)

    def subscribe(self, pipe: Pipe) -> Callable[[], None]:
        """Give ``pipe`` a copy of everything written from now on; call the result to stop."""
        raise PipeError(ABSTRACT)

    # ------------------------------------------------------------------ ending

    def fail(self, error: BaseException | None = None) -> None:
        """Declare the other side broken: reads and writes raise ``PipeError`` from now on.

        ``error`` becomes the cause of that ``PipeError``.
        """
        self.failed = True
        self._fault = error

    async def close(self) -> None:
        """Close the pipe and run ``close_cb``; closing again does nothing."""
        if not self.closed:
            self.closed = True
            await self._run_close_cb()

    async def _run_close_cb(self) -> None:
        callback, self.close_cb = self.close_cb, None
        if callback is not None:
            await callback()

    def _check_health(self) -> None:
        if self.failed:
            raise PipeError("pipe failed") from self._fault

    @property
    def _text(self) -> str | None:
        if self._layout is None and self.stream is not None:
            return self.stream.layout
        return self._layout
