"""The writing half of a pipe: conversion, cache, subscribers and breaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import PipeError
from joule.models.layout import packed
from joule.models.pipes.pipe import Pipe
from joule.models.pipes.rows import as_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.models.layout import Packed

_log = logging.getLogger(__name__)


class _Cache:
    """Rows held back until there are enough of them."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._pieces: list[Packed] = []
        self._size_bytes = 0

    @property
    def is_due(self) -> bool:
        return self._size_bytes >= self._capacity_bytes

    @property
    def is_empty(self) -> bool:
        return not self._pieces

    def add(self, data: Packed) -> None:
        self._pieces.append(data.copy())
        self._size_bytes += len(data)

    def take(self) -> Packed:
        data = np.concatenate(self._pieces)
        self._pieces.clear()
        self._size_bytes = 0
        return data


class WritablePipe(Pipe):
    """A pipe that can be written.

    Rows and breaks reach the subscribers before the pipe itself, in the order in which they were
    written. A subscriber that has been closed is dropped.
    """

    _cache: _Cache | None = None

    async def write(self, data: Any) -> None:
        """Write rows and wait until there is room for them.

        ``data`` is a structured ``(n,)`` array in exactly ``dtype``, a ``(n, width + 1)`` array
        with timestamps in UNIX us in column 0, or a list of such rows. It is copied, so the caller
        may change it afterwards. Raises ``PipeError`` when it does not fit or the pipe is closed.
        Rising timestamps are the node's business. A row of zeros with timestamp 0 would be taken
        for a break by the reader of an :class:`OutputPipe`.
        """
        if self.failed:
            await self.close()
        self._check_writable()
        rows = as_rows(data, self.rows_layout)
        if not len(rows):
            _log.info("pipe [%s]: ignoring a write without rows", self.name)
            return
        for subscriber in self._open_subscribers():
            await subscriber.write(rows)
        if self._cache is None:
            await self._send(packed(rows))
            return
        self._cache.add(packed(rows))
        if self._cache.is_due:
            await self.flush_cache()

    async def close_interval(self) -> None:
        """Send cached rows on and mark a break behind them; ``PipeError`` on a closed pipe."""
        self._check_writable()
        for subscriber in self._open_subscribers():
            await subscriber.close_interval()
        await self.flush_cache()
        await self._make_room()
        self._put_break()
        await self._settle()

    def close_interval_nowait(self) -> None:
        """Mark a break without waiting for room; cached rows go first, nothing is dropped."""
        if self.closed:
            return
        for subscriber in self._open_subscribers():
            subscriber.close_interval_nowait()
        if self._cache is not None and not self._cache.is_empty:
            self._put(self._cache.take())
        self._put_break()

    def enable_cache(self, num_rows: int) -> None:
        """Hold small writes back until there are ``num_rows`` rows, then send them at once.

        A cache cannot be switched off again. Breaks, :meth:`flush_cache` and :meth:`close` empty
        it; subscribers get every write at once.
        """
        if num_rows < 1:
            raise PipeError(f"a cache must hold at least 1 row, not {num_rows}")
        if self._cache is not None and not self._cache.is_empty:
            raise PipeError("the cache is in use, flush it before changing its size")
        self._cache = _Cache(num_rows * self.rows_layout.row_bytes)

    async def flush_cache(self) -> None:
        """Send the rows that were held back, without waiting for more of them."""
        if self._cache is None or self._cache.is_empty:
            return
        await self._make_room()
        self._put(self._cache.take())
        await self._settle()

    def subscribe(self, pipe: Pipe) -> Callable[[], None]:
        """Give ``pipe`` a copy of each later write and break; call the result to end that.

        Raises ``PipeError`` when the layouts differ. Closing this pipe closes its subscribers.
        """
        if self._text is not None and pipe.layout != self._text:
            raise PipeError(f"a pipe of layout {self._text} cannot feed one of {pipe.layout}")
        self.subscribers.append(pipe)

        def unsubscribe() -> None:
            if pipe in self.subscribers:
                self.subscribers.remove(pipe)

        return unsubscribe

    async def close(self) -> None:
        """Flush the cache, end the pipe, close its subscribers and run ``close_cb``.

        Closing again does nothing. The pipe is closed even if the last rows cannot be sent; that
        error is raised when everything is cleaned up.
        """
        if self.closed:
            return
        try:
            if not self.failed:
                await self.flush_cache()
        finally:
            self.closed = True
            try:
                await self._finish()
            finally:
                await self._release()

    # ------------------------------------------------------------------ for the concrete pipes

    async def _make_room(self) -> None:
        """Wait until something may be put; cancelling leaves everything as it was."""

    def _put(self, data: Packed) -> None:
        """Pass packed rows on, room or not; ``data`` must not be kept."""
        raise NotImplementedError

    def _put_break(self) -> None:
        """Mark a break, room or not."""
        raise NotImplementedError

    async def _settle(self) -> None:
        """Wait until what was put is on its way; cancelling does not take it back."""

    async def _finish(self) -> None:
        """Tell the reader that nothing more will come; called once."""

    # ------------------------------------------------------------------ the rules

    async def _send(self, data: Packed) -> None:
        await self._make_room()
        self._put(data)
        await self._settle()

    def _check_writable(self) -> None:
        self._check_health()
        if self.closed:
            raise PipeError("Cannot write to a closed pipe")

    def _open_subscribers(self) -> list[Pipe]:
        self.subscribers = [pipe for pipe in self.subscribers if not pipe.closed]
        return list(self.subscribers)

    async def _release(self) -> None:
        try:
            for subscriber in self._open_subscribers():
                await subscriber.close()
        finally:
            await self._run_close_cb()
