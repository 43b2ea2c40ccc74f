"""The reading end of a byte stream of packed rows."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from joule.errors import PipeError
from joule.models.framing import RowDecoder
from joule.models.layout import packed
from joule.models.pipes.pipe import Pipe
from joule.models.pipes.reading import ReadablePipe

if TYPE_CHECKING:
    from joule.models.pipes.byte_streams import ByteReader, ReaderFactory
    from joule.models.pipes.pipe import CloseCallback
    from joule.models.streams import DataStream

_log = logging.getLogger(__name__)

READ_BYTES = 1 << 20
"""Most bytes asked for at a time, unless a row has more."""

_UNCONSUMED_BYTES = 32 << 20
_UNCONSUMED_ROWS = 10_000


class InputPipe(ReadablePipe):
    """Rows that arrive as bytes: packed records of the layout, a record of zeros for a break.

    The bytes come from ``reader``, or from the one that ``reader_factory`` opens at the first
    read. ``buffer_size`` is the number of rows that may be unconsumed: when that many are, a read
    returns the same rows and takes nothing from the stream. By default it is what fits into
    32 MiB, and at least 10000.
    """

    def __init__(
        self,
        name: str | None = None,
        stream: DataStream | None = None,
        layout: str | None = None,
        reader: ByteReader | None = None,
        reader_factory: ReaderFactory | None = None,
        close_cb: CloseCallback | None = None,
        buffer_size: int | None = None,
    ) -> None:
        super().__init__(name, Pipe.DIRECTION.INPUT, layout, stream, close_cb)
        self.reader = reader
        self.reader_factory = reader_factory
        self.buffer_size = buffer_size
        self._decoder: RowDecoder | None = None
        self._ended = False

    async def close(self) -> None:
        """Stop reading, release the byte stream and run ``close_cb``; again does nothing."""
        if self.closed:
            return
        self.closed = True
        try:
            if self.reader is None and self.reader_factory is not None:
                await self._open()  # so that what is behind it gets released
            await _release(self.reader)
        finally:
            await self._run_close_cb()

    # ------------------------------------------------------------------ what a reader may not do

    async def write(self, data: Any) -> None:
        """Refuse."""
        raise PipeError("cannot write to an input pipe")

    async def close_interval(self) -> None:
        """Refuse."""
        raise PipeError("cannot write to an input pipe")

    def close_interval_nowait(self) -> None:
        """Do nothing: breaks come from the writer."""

    def enable_cache(self, num_rows: int) -> None:
        """Refuse."""
        raise PipeError("cannot control cache on input pipes")

    async def flush_cache(self) -> None:
        """Refuse."""
        raise PipeError("cannot control cache on input pipes")

    def subscribe(self, pipe: Pipe) -> Any:
        """Refuse."""
        raise PipeError("cannot subscribe to an input pipe")

    # ------------------------------------------------------------------ reading

    def _check_health(self) -> None:
        super()._check_health()
        if self.closed:
            raise PipeError("Cannot read from a closed pipe")

    @property
    def _capacity(self) -> int:
        if self.buffer_size is not None:
            return max(1, self.buffer_size)
        return max(_UNCONSUMED_ROWS, _UNCONSUMED_BYTES // self.rows_layout.row_bytes)

    def _is_full(self) -> bool:
        return self._backlog.rows >= self._capacity

    async def _receive(self) -> bool:
        while not self._backlog.has_news and not self._ended:
            size = self.rows_layout.row_bytes
            rows = min(self._capacity - self._backlog.rows, max(READ_BYTES // size, 1))
            reader = self.reader or await self._open()
            # Up to the end of a row: what is held back has to be copied.
            chunk = memoryview(await reader.read(rows * size - self._partial_bytes))
            if chunk.nbytes:
                self._feed(chunk.cast("B"))
            else:
                self._end()
        return self._backlog.has_news

    async def _open(self) -> ByteReader:
        if self.reader_factory is None:
            raise PipeError(f"input pipe [{self.name}] has no reader")
        self.reader = await self.reader_factory()
        return self.reader

    @property
    def _partial_bytes(self) -> int:
        return 0 if self._decoder is None else self._decoder.partial_bytes

    def _end(self) -> None:
        self._ended = True
        if self._partial_bytes:
            _log.warning("pipe [%s]: ended within a row, which is dropped", self.name)

    def _feed(self, data: memoryview) -> None:
        if self._decoder is None:
            self._decoder = RowDecoder(self.rows_layout)
        for rows, ends_interval in self._decoder.feed(data):
            self._backlog.append(packed(rows))
            if ends_interval:
                self._backlog.append_break()


async def _release(reader: ByteReader | None) -> None:
    """Close a byte stream that can be closed (an ``asyncio.StreamReader`` cannot)."""
    close = getattr(reader, "close", None)
    outcome = close() if close is not None else None
    if inspect.isawaitable(outcome):
        await outcome
