"""The reading half of a pipe: what a read returns, when it waits and when it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import numpy as np

from joule.errors import EmptyPipeError, PipeError
from joule.models.layout import flat, packed
from joule.models.pipes.backlog import Backlog
from joule.models.pipes.pipe import Pipe

if TYPE_CHECKING:
    from joule.models.layout import Packed, Rows


class ReadablePipe(Pipe):
    """A pipe that can be read.

    The loop that fits every module::

        while await pipe.not_empty():
            rows = await pipe.read()
            ...                                # use all or some of them
            pipe.consume(len(rows))
            if pipe.end_of_interval:
                await output.close_interval()
    """

    _waiting: Backlog | None = None
    _rereading = False

    async def read(self, flatten: bool = False) -> Rows:
        """Return the unconsumed rows followed by new ones, up to the next interval end.

        Waits for at least one new row or break. The result is a ``(n,)`` array in ``dtype`` that
        belongs to the caller, or with ``flatten`` ``(n, width + 1)`` with timestamps in column 0,
        float64 for float data and int64 for integer data. It has no rows when a break comes with
        nothing before it. When the pipe has ended, unconsumed rows are returned again; without
        them ``EmptyPipeError`` is raised. A cancelled read loses nothing.
        """
        if not self._rereading:
            await self._look_ahead()
        self._rereading = False
        rows = self._backlog.seen()
        return cast("Rows", flat(rows)) if flatten else rows

    def consume(self, num_rows: int) -> None:
        """Drop ``num_rows`` rows from the front of what was read; ``PipeError`` if too many."""
        if num_rows < 0:
            raise PipeError(f"consume called with negative offset: {num_rows}")
        available = self._backlog.unconsumed if self._waiting else 0
        if num_rows > available:
            raise PipeError(f"cannot consume {num_rows} rows: only {available} available")
        if num_rows:
            self._backlog.consume(num_rows)

    def consume_all(self) -> None:
        """Drop all rows that were read."""
        self.consume(self._backlog.unconsumed if self._waiting else 0)

    def reread_last(self) -> None:
        """Let the next read return the unconsumed rows of the last one, and nothing new.

        ``end_of_interval`` keeps its value.
        """
        self._rereading = True

    async def is_empty(self) -> bool:
        """Tell whether the pipe has ended; the opposite of :meth:`not_empty`."""
        return not await self.not_empty()

    async def not_empty(self) -> bool:
        """Wait until a read would return, and tell whether it will return rows or a break.

        The rows are looked at, not taken: the next read returns them at once, and
        ``end_of_interval`` already belongs to them. False means that the pipe has ended.
        """
        if self._rereading and (self.end_of_interval or self._backlog.unconsumed):
            return True
        try:
            await self._look_ahead()
        except EmptyPipeError:
            return False
        self._rereading = True
        return True

    async def read_all(
        self, flatten: bool = False, maxrows: int = 100_000, error_on_overflow: bool = False
    ) -> Rows:
        """Return everything until the pipe ends, interval ends ignored, and close it.

        Gives at most the first ``maxrows`` rows; with ``error_on_overflow`` more are a
        ``PipeError``. No rows at all are a ``PipeError`` too.
        """
        try:
            pieces = await self._gather(maxrows + 1)
        finally:
            await self.close()
            self._rereading = self.end_of_interval = False
        size = sum(map(len, pieces)) // self.rows_layout.row_bytes
        if size > maxrows and error_on_overflow:
            raise PipeError(
                f"More than [{maxrows}] rows, increase maxrows or disable error_on_overflow"
            )
        if not size:
            raise PipeError("No data in pipe")
        rows: Rows = np.concatenate(pieces).view(self.dtype)[:maxrows]
        return cast("Rows", flat(rows)) if flatten else rows

    # ------------------------------------------------------------------ for the concrete pipes

    @property
    def _backlog(self) -> Backlog:
        # Made late: the layout of a network pipe is known when the answer has arrived.
        if self._waiting is None:
            self._waiting = Backlog(self.rows_layout)
        return self._waiting

    async def _receive(self) -> bool:
        """Wait until the backlog has news; False when nothing more will ever come."""
        raise NotImplementedError

    def _is_full(self) -> bool:
        """Whether so many rows are unconsumed that no more are taken in."""
        return False

    def _taken(self) -> None:
        """Hear that the reader has taken news; ``end_of_interval`` tells up to where."""

    # ------------------------------------------------------------------ the rules

    async def _look_ahead(self) -> None:
        """Do what a read does, except returning rows."""
        self._check_health()
        backlog = self._backlog
        if backlog.has_news or not self._is_full():
            await self._move_on(backlog)
        else:
            # The reader keeps asking without consuming; let others, a stop request say, have a go.
            await asyncio.sleep(0)
            self.end_of_interval = False

    async def _move_on(self, backlog: Backlog) -> None:
        if await self._receive():
            self._check_health()
            self.end_of_interval = backlog.advance()
            self._taken()
            return
        self._check_health()
        self.end_of_interval = False
        if not backlog.unconsumed:
            raise EmptyPipeError(self._end_text())
        await asyncio.sleep(0)

    async def _gather(self, limit: int) -> list[Packed]:
        """Take rows as bytes until the pipe ends or there are ``limit`` of them."""
        pieces: list[Packed] = []
        missing = limit
        while missing > 0 and await self.not_empty():
            rows = await self.read()
            self.consume(len(rows))
            pieces.append(packed(rows))
            missing -= len(rows)
        return pieces

    def _end_text(self) -> str:
        return f"pipe [{self.name}] has ended" if self.name else "pipe has ended"
