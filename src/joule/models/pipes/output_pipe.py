"""The writing end of a byte stream of packed rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.errors import PipeError
from joule.models.layout import interval_token
from joule.models.pipes.pipe import Pipe
from joule.models.pipes.writing import WritablePipe

if TYPE_CHECKING:
    from joule.models.layout import Packed, Rows
    from joule.models.pipes.byte_streams import ByteWriter, WriterFactory
    from joule.models.pipes.pipe import CloseCallback
    from joule.models.streams import DataStream


class OutputPipe(WritablePipe):
    """Rows that leave as bytes: packed records of the layout, a record of zeros for a break.

    The bytes go to ``writer``, or to the one that ``writer_factory`` opens at the first write.
    Errors of the writer surface from :meth:`write`, :meth:`close_interval` or :meth:`close`.
    """

    def __init__(
        self,
        name: str | None = None,
        stream: DataStream | None = None,
        layout: str | None = None,
        close_cb: CloseCallback | None = None,
        writer: ByteWriter | None = None,
        writer_factory: WriterFactory | None = None,
    ) -> None:
        super().__init__(name, Pipe.DIRECTION.OUTPUT, layout, stream, close_cb)
        self.writer = writer
        self.writer_factory = writer_factory
        self._early = bytearray()  # put without waiting, before the writer was opened

    # ------------------------------------------------------------------ what a writer may not do

    async def read(self, flatten: bool = False) -> Rows:
        """Refuse."""
        raise PipeError("cannot read from an output pipe")

    def consume(self, num_rows: int) -> None:
        """Refuse."""
        raise PipeError("cannot consume from an output pipe")

    def consume_all(self) -> None:
        """Refuse."""
        raise PipeError("cannot consume from an output pipe")

    def reread_last(self) -> None:
        """Refuse."""
        raise PipeError("cannot read from an output pipe")

    async def is_empty(self) -> bool:
        """Refuse."""
        raise PipeError("cannot check output pipes for empty condition")

    async def not_empty(self) -> bool:
        """Refuse."""
        raise PipeError("cannot check output pipes for empty condition")

    async def read_all(
        self, flatten: bool = False, maxrows: int = 100_000, error_on_overflow: bool = False
    ) -> Rows:
        """Refuse."""
        raise PipeError("cannot read from an output pipe")

    # ------------------------------------------------------------------ writing

    async def _make_room(self) -> None:
        if self.writer is not None:
            return
        if self.writer_factory is None:
            raise PipeError(f"output pipe [{self.name}] has no writer")
        self.writer = await self.writer_factory()
        if self._early:
            self.writer.write(bytes(self._early))
            self._early.clear()

    def _put(self, data: Packed) -> None:
        # A writer may keep what it is given until it is sent, so it gets a copy of its own.
        self._write(data.tobytes())

    def _put_break(self) -> None:
        self._write(interval_token(self.layout).tobytes())

    def _write(self, data: bytes) -> None:
        if self.writer is None:
            self._early += data
        else:
            self.writer.write(data)

    async def _settle(self) -> None:
        if self.writer is not None:
            await self.writer.drain()

    async def _finish(self) -> None:
        if self.writer is None and self.writer_factory is not None:
            await self._make_room()  # also with nothing to send: the reader waits for the end
        if self.writer is None:
            return
        try:
            if not self.failed:
                await self.writer.drain()
        finally:
            self.writer.close()
            await self.writer.wait_closed()
