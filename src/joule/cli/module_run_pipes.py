"""Between the pipes of a module's process and those to the streams of a node."""

from __future__ import annotations

import fcntl
import os
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

from joule.errors import PipeError
from joule.models.pipes import DescriptorReader, DescriptorWriter, InputPipe, OutputPipe

if TYPE_CHECKING:
    from joule.models.pipes import Pipe

_PIPE_BYTES = 1 << 20


class Connection:
    """A pipe of the module; ``child_fd`` is the module's end, ``rows`` what has passed."""

    def __init__(self, child_fd: int) -> None:
        self.child_fd = child_fd
        self.rows = 0
        self._is_held = True

    def let_go(self) -> None:
        """Close the module's end on this side; again does nothing."""
        if self._is_held:
            self._is_held = False
            os.close(self.child_fd)

    def close(self) -> None:
        """Close both ends."""
        self.let_go()
        self._close_mine()

    def _close_mine(self) -> None:
        raise NotImplementedError

    async def _copy(self, source: Pipe, target: Pipe) -> None:
        while await source.not_empty():
            rows = await source.read()
            if len(rows):
                await target.write(rows)
                self.rows += len(rows)
            source.consume(len(rows))
            if source.end_of_interval:
                await target.close_interval()


class Feed(Connection):
    """An input: what is stored goes to the module."""

    def __init__(self, source: Pipe) -> None:
        child, mine = _pipe()
        super().__init__(child)
        self._source = source
        self._writer = DescriptorWriter(mine)
        self._is_complete = False

    @property
    def is_read(self) -> bool:
        """Whether the module has taken everything; to be asked before :meth:`let_go`."""
        left = fcntl.ioctl(self.child_fd, termios.FIONREAD, bytes(4))
        return self._is_complete and not any(left)

    async def carry(self) -> None:
        """Copy until the end, or until the module is gone."""
        target = OutputPipe(layout=self._source.layout, writer=self._writer)
        with suppress(PipeError):
            await self._copy(self._source, target)
            await target.close()
            self._is_complete = True

    def _close_mine(self) -> None:
        self._writer.close()


class Drain(Connection):
    """An output: what the module writes is stored."""

    def __init__(self, target: Pipe) -> None:
        mine, child = _pipe()
        super().__init__(child)
        self._target = target
        self._reader = DescriptorReader(mine)

    async def carry(self) -> None:
        """Copy until the module closes its end, and return when all of it is durable."""
        source = InputPipe(layout=self._target.layout, reader=self._reader)
        await self._copy(source, self._target)
        await self._target.close()

    def _close_mine(self) -> None:
        self._reader.close()


def _pipe() -> tuple[int, int]:
    """Open a pipe for reading and writing."""
    ends = os.pipe()
    with suppress(OSError):  # more than this user may have: the usual size does as well
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return ends
