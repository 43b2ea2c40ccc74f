"""Ends of anonymous OS pipes, read and written without blocking the event loop.

asyncio's own pipe transports buffer and copy; here every wait is explicit, so the kernel's pipe
is the only buffer between a module and the node, and its being full is the back-pressure.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import termios
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


class PipeSource:
    """The reading end of a pipe that a child writes to; owns its descriptor.

    The event loop goes on watching the pipe between two reads, and reads it as soon as somebody
    waits: with many slow modules that is one turn of the loop for a block, and one system call.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._size = _READ_BYTES_MIN
        self._loop: asyncio.AbstractEventLoop | None = None  # while it watches the pipe
        self._waiter: asyncio.Future[None] | None = None
        self._taken: bytes | None = None
        self._finishing = False

    def close(self) -> None:
        """Close the descriptor; idempotent."""
        if self._fd >= 0:
            self._unwatch()
            os.close(self._fd)
            self._fd = -1

    async def read(self) -> bytes:
        """Return what has come, at most 1 MiB; ``b""`` when nothing more will.

        Always lets other tasks run, however fast the writer is. A cancelled read takes nothing.
        """
        while self._taken is None:
            if self._finishing:
                await asyncio.sleep(0)
                self._take_rest()
            else:
                await self._readable()
        data, self._taken = self._taken, None
        return data

    def finish(self) -> None:
        """Say that the writers are gone: what is in the pipe is all there will be.

        Needed because a stray process may still hold the other end open.
        """
        self._finishing = True
        self._unwatch()
        _wake(self._waiter)

    async def _readable(self) -> None:
        """Wait until the event loop has taken something."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._fd, self._note_readable)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _note_readable(self) -> None:
        if self._waiter is None or self._taken is not None:
            self._unwatch()  # nobody wants it now: the pipe holds the writer back
            return
        try:
            self._take()
        except BlockingIOError:
            return
        _wake(self._waiter)

    def _take_rest(self) -> None:
        try:
            self._take()
        except BlockingIOError:
            self._taken = b""

    def _take(self) -> None:
        self._taken = os.read(self._fd, self._size)
        self._adapt(len(self._taken))

    def _adapt(self, count: int) -> None:
        """Choose the size of the next read by that of the last: large buffers cost even empty."""
        if count == self._size:
            self._size = min(2 * self._size, PIPE_BYTES_MAX)
        elif count < self._size // 4:
            self._size = max(self._size // 2, _READ_BYTES_MIN)

    def _unwatch(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
            self._loop = None


class PipeSink:
    """The writing end of a pipe that a child reads from; owns its descriptor."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    def close(self) -> None:
        """Close the descriptor; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def unread(self) -> int:
        """Count the bytes in the pipe that nobody has taken, also when nobody can any more."""
        count = array.array("i", [0])
        fcntl.ioctl(self._fd, termios.FIONREAD, count)
        return count[0]

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
        waiter: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._fd, _wake, waiter)
        try:
            await waiter
        finally:
            loop.remove_writer(self._fd)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
