"""Rows between the node and a module's pipes: one flow per configured input or output.

A flow belongs to a stream and outlives the processes that it is connected to one after the other.
``stream_id`` is None for a stream on another node.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joule.errors import DataError, DuplicateTimestampError, JouleError
from joule.models.framing import RowDecoder, encode_block
from joule.models.intervals import MAX_TIME
from joule.supervisor.salvage import usable_runs
from joule.supervisor.sent import SentRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.models.layout import Layout, Rows
    from joule.supervisor.log import ModuleLog
    from joule.supervisor.pipes import PipeSink, PipeSource
    from joule.supervisor.remote import RowSource, RowTarget


class OutputFlow:
    """From a module's output pipe into the stream that the module produces."""

    def __init__(
        self, path: str, layout: Layout, stream_id: int | None, writer: RowTarget, log: ModuleLog
    ) -> None:
        self.path = path
        self.layout = layout
        self.stream_id = stream_id
        self._writer = writer
        self._log = log
        self._previous: int | None = None
        self._reached: int | None = None

    async def pump(self, source: PipeSource) -> None:
        """Store everything that comes out of a pipe, until it ends, then end the interval.

        Rows against the rules are left out with a line in the module's log and a break in their
        place. While the store is behind nothing is read, so that the module waits. A partial row
        at the end is dropped.
        """
        decoder = RowDecoder(self.layout)
        while data := await source.read():
            for rows, ends_interval in decoder.feed(data):
                if len(rows):
                    await self._write(rows)
                if ends_interval:
                    await self._end_interval()
        await self._end_interval()

    async def close(self) -> None:
        """Give the stream free; returns when all rows are durable."""
        await self._writer.close()

    async def _end_interval(self) -> None:
        await self._break()
        self._previous = self._reached = None

    async def _break(self) -> None:
        if self._writer.is_open:  # not when the stream is no more
            await self._writer.end_interval()

    async def _write(self, rows: Rows) -> None:
        try:
            await self._accept(rows)
        except JouleError as error:
            await self._write_usable(rows, error)
        self._previous = int(rows["timestamp"][-1])

    async def _accept(self, rows: Rows) -> int:
        await self._writer.write(rows)
        last = int(rows["timestamp"][-1])
        self._reached = last if self._reached is None else max(last, self._reached)
        return len(rows)

    async def _write_usable(self, rows: Rows, error: JouleError) -> None:
        """Store what can be stored of a block that was refused, with a break at every loss."""
        stored = 0
        for run in usable_runs(rows, self._previous):
            await self._break()
            try:
                stored += await self._write_new(run)
            except JouleError as reason:
                error = reason
        await self._break()
        lost = len(rows) - stored
        if lost:
            self._log.add(f"ERROR: {lost} of {len(rows)} rows for [{self.path}] are lost: {error}")

    async def _write_new(self, run: Rows) -> int:
        """Store a run of good rows that may lie anywhere in time, and give how many were stored.

        If it overlaps what is stored, only the rows behind everything written before are.
        """
        try:
            return await self._accept_anew(run)
        except DuplicateTimestampError:
            reached = MAX_TIME if self._reached is None else self._reached
            run = run[run["timestamp"] > reached]
            if not len(run):
                raise
        return await self._accept_anew(run)

    async def _accept_anew(self, run: Rows) -> int:
        try:
            return await self._accept(run)
        except DuplicateTimestampError:
            raise
        except DataError:
            # Earlier than the rows before it. Once refused the writer takes rows of any time.
            return await self._accept(run)


class InputFlow:
    """From a stream into a module's input pipe.

    The cursor stays where it is between two processes, while a slow or stopped module leaves its
    pipe full, and while the stream has no producer. What a process has left in its pipe is given
    to the next one.
    """

    def __init__(
        self,
        path: str,
        layout: Layout,
        stream_id: int | None,
        follow: Callable[[], RowSource],
        log: ModuleLog,
    ) -> None:
        self.path = path
        self.layout = layout
        self.stream_id = stream_id
        self._follow = follow
        self._log = log
        self._cursor: RowSource | None = None
        self._unsent: list[memoryview] = []
        self._sent = SentRows(self.layout.row_bytes)

    def subscribe(self) -> None:
        """Begin with the rows of this moment; nothing happens when it has begun before.

        Raises :exc:`joule.errors.JouleError` when nobody produces the stream.
        """
        if self._cursor is None:
            self._cursor = self._follow()

    async def pump(self, sink: PipeSink) -> None:
        """Give a process the rows of the stream until cancelled; loses and repeats no row.

        To be cancelled when the process has ended. When the rows cannot be read the pipe is
        closed.
        """
        try:
            await self._send_all(sink)
        except BrokenPipeError:
            self._take_back(sink)
        except asyncio.CancelledError:
            self._take_back(sink)
            raise
        except JouleError as error:
            self._log.add(f"ERROR: input [{self.path}] cannot be read: {error}")
            sink.close()
            await self.close()

    async def close(self) -> None:
        """Let go of the stream."""
        cursor, self._cursor = self._cursor, None
        self._unsent = []
        if cursor is not None:
            await cursor.close()

    async def _send_all(self, sink: PipeSink) -> None:
        assert self._cursor is not None, "subscribe comes first"
        await self._send(sink)
        async for block in self._cursor:
            self._unsent = encode_block(block, self.layout)
            await self._send(sink)

    async def _send(self, sink: PipeSink) -> None:
        while self._unsent:
            count = await sink.write(self._unsent[0])
            self._sent.add(self._unsent[0][:count], sink)
            self._unsent[0] = self._unsent[0][count:]
            if not len(self._unsent[0]):
                del self._unsent[0]

    def _take_back(self, sink: PipeSink) -> None:
        """Send again, to the next process, from the first row on that this one has not got."""
        self._unsent = self._sent.take_back(sink) + self._unsent
