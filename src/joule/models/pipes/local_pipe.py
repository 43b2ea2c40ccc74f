"""A pipe inside one process: what a composite module connects its parts with."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from joule.errors import PipeError
from joule.models.layout import flat, packed
from joule.models.pipes.pipe import Pipe
from joule.models.pipes.reading import ReadablePipe
from joule.models.pipes.rows import as_rows
from joule.models.pipes.writing import WritablePipe

if TYPE_CHECKING:
    from typing import Any

    from joule.models.layout import Packed, Rows
    from joule.models.pipes.pipe import CloseCallback
    from joule.models.streams import DataStream


class LocalPipe(ReadablePipe, WritablePipe):
    """A pipe whose writer and reader share an event loop.

    ``write_limit`` is the number of writes and breaks that may wait for the reader before a write
    waits; 0 sets no limit, for tests and for parts that are known to keep up.
    """

    def __init__(
        self,
        layout: str | None = None,
        name: str | None = None,
        close_cb: CloseCallback | None = None,
        debug: bool = False,
        stream: DataStream | None = None,
        write_limit: int = 0,
    ) -> None:
        super().__init__(name, Pipe.DIRECTION.TWOWAY, layout, stream, close_cb)
        self.debug = debug
        self.write_limit = write_limit
        self._queued: deque[bool] = deque()  # unread writes (False) and breaks (True)
        self._arrival = asyncio.Event()
        self._room = asyncio.Event()

    def change_layout(self, layout: str) -> None:
        """Empty the pipe and give it another layout."""
        self.layout = layout
        self._waiting = self._cache = None
        self._rereading = self.end_of_interval = False
        self._queued.clear()
        self._room.set()

    def fail(self, error: BaseException | None = None) -> None:
        """Declare the other side broken: waiting and later reads and writes raise ``PipeError``."""
        super().fail(error)
        self._wake()

    # ------------------------------------------------------------------ without waiting

    def write_nowait(self, data: Any) -> None:
        """Write rows to the pipe and to its subscribers, which must be local, room or not."""
        self._check_writable()
        rows = as_rows(data, self.rows_layout)
        if not len(rows):
            return
        for subscriber in self._open_subscribers():
            if not isinstance(subscriber, LocalPipe):
                raise PipeError("cannot write_nowait to subscribers, use async")
            subscriber.write_nowait(rows)
        self._put(packed(rows))

    def read_nowait(self, flatten: bool = False) -> Rows:
        """Read as :meth:`read` does, returning what there is instead of waiting."""
        self._check_health()
        if not self._rereading:
            self.end_of_interval = self._backlog.advance()
            self._taken()
        self._rereading = False
        rows = self._backlog.seen()
        return flat(rows) if flatten else rows

    def close_nowait(self) -> None:
        """Close a pipe that has neither subscribers nor ``close_cb`` nor cached rows."""
        if self._open_subscribers():
            raise PipeError("cannot close_nowait subscribers, use async")
        if self.close_cb is not None:
            raise PipeError("close_cb cannot be executed, use async")
        if self._cache is not None and not self._cache.is_empty:
            self._put(self._cache.take())
        self.closed = True
        self._wake()

    # ------------------------------------------------------------------ reading side

    async def _receive(self) -> bool:
        while not self._is_readable():
            if self.closed or self.failed:
                return False
            self._arrival.clear()
            await self._arrival.wait()
        return True

    def _is_readable(self) -> bool:
        backlog = self._backlog
        if backlog.has_unseen_rows or not self.closed:
            return backlog.has_news
        # Once closed, a break is worth telling only together with rows.
        return backlog.has_news and backlog.unconsumed > 0

    def _taken(self) -> None:
        while self._queued and not (self._queued.popleft() and self.end_of_interval):
            pass
        self._room.set()

    # ------------------------------------------------------------------ writing side

    async def _make_room(self) -> None:
        while 0 < self.write_limit <= len(self._queued):
            self._room.clear()
            await self._room.wait()
            self._check_writable()

    def _put(self, data: Packed) -> None:
        self._backlog.append(data)
        self._queued.append(False)
        self._arrival.set()

    def _put_break(self) -> None:
        self._backlog.append_break()
        self._queued.append(True)
        self._arrival.set()

    async def _finish(self) -> None:
        self._wake()

    def _wake(self) -> None:
        self._arrival.set()
        self._room.set()
