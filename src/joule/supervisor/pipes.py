"""Ends of anonymous OS pipes, read and written without blocking the event loop.

asyncio's own pipe transports buffer and copy; here every wait is explicit, so the kernel's pipe
is the only buffer between a module and the node, and its being full is the back-pressure.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from dataclasses import dataclass

PIPE_BYTES_MAX = 1 << 20
PIPE_BYTES_MIN = 1 << 16
PIPE_BUDGET_BYTES = 32 << 20
"""Half of what Linux grants an ordinary user by default. Past that limit all further pipes of
the user get two pages each, so many modules share the budget instead."""

_READ_BYTES_MIN = 1 << 16


def pipe_bytes(count: int) -> int:
    """Give the buffer for each of ``count`` pipes: a power of two, 64 KiB to 1 MiB."""
    share = PIPE_BUDGET_BYTES // max(count, 1)
    size = PIPE_BYTES_MAX
    while size > share and size > PIPE_BYTES_MIN:
        size //= 2
    return size


@dataclass(slots=True)
class OsPipe:
    """Both ends of a pipe; closing is idempotent per end."""

    read_fd: int
    write_fd: int

    @classmethod
    def open(cls, size_bytes: int = PIPE_BYTES_MIN) -> OsPipe:
        """Open a pipe that no child inherits by itself."""
        pipe = cls(*os.pipe2(os.O_CLOEXEC))
        # Beyond what this user may have, the default size does as well, only less smoothly.
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.write_fd, fcntl.F_SETPIPE_SZ, size_bytes)
        return pipe

    def close_read(self) -> None:
        """Close the reading end."""
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1

    def close_write(self) -> None:
        """Close the writing end."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def close(self) -> None:
        """Close what is still open."""
        self.close_read()
        self.close_write()

    def take_read(self) -> int:
        """Hand the reading end to the caller, who closes it."""
        fd, self.read_fd = self.read_fd, -1
        return fd

    def take_write(self) -> int:
        """Hand the writing end to the caller, who closes it."""
        fd, self.write_fd = self.write_fd, -1
        return fd


class _End:
    """A non-blocking file descriptor that it owns, and one waiter for it to be ready."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._waiter: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Close the descriptor; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> _End:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class PipeSource(_End):
    """The reading end of a pipe that a child writes to."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._finishing = False
        self._size = _READ_BYTES_MIN

    async def read(self) -> bytes:
        """Return what has come, at most 1 MiB; ``b""`` when nothing more will.

        Always lets other tasks run, however fast the writer is. A cancelled read takes nothing.
        """
        await asyncio.sleep(0)
        while True:
            try:
                data = os.read(self._fd, self._size)
            except BlockingIOError:
                if self._finishing:
                    return b""
                await self._readable()
                continue
            self._adapt(len(data))
            return data

    def finish(self) -> None:
        """Say that the writers are gone: what is in the pipe is all there will be.

        Needed because a stray process may still hold the other end open.
        """
        self._finishing = True
        self._wake()

    def _adapt(self, count: int) -> None:
        """Choose the size of the next read by that of the last: large buffers cost even empty."""
        if count == self._size:
            self._size = min(2 * self._size, PIPE_BYTES_MAX)
        elif count < self._size // 4:
            self._size = max(self._size // 2, _READ_BYTES_MIN)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        loop.add_reader(self._fd, self._wake)
        try:
            await self._waiter
        finally:
            loop.remove_reader(self._fd)
            self._waiter = None


class PipeSink(_End):
    """The writing end of a pipe that a child reads from."""

    async def write(self, data: memoryview) -> int:
        """Write as much as fits, at least one byte, and give how much that was.

        Waits while the pipe is full. ``BrokenPipeError`` when nobody can read it any more. A
        cancelled write has written nothing.
        """
        while True:
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                await self._writable()

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        loop.add_writer(self._fd, self._wake)
        try:
            await self._waiter
        finally:
            loop.remove_writer(self._fd)
            self._waiter = None
