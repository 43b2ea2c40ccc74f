"""The byte streams behind input and output pipes, and those over operating-system pipes.

Reading and writing go straight to the descriptor: no buffer of their own between the pipe and the
kernel, so that a slow reader is felt by the writer at once.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from joule.errors import PipeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Buffer

_READ_BYTES = 256 << 10
"""No kernel pipe we open holds more, and a read allocates what it asks for."""


class ByteReader(Protocol):
    """Where an input pipe gets its bytes from; ``asyncio.StreamReader`` is one."""

    async def read(self, n: int, /) -> Buffer:
        """Wait for bytes and return at most ``n`` of them; nothing means the end."""
        ...


class ByteWriter(Protocol):
    """Where an output pipe puts its bytes; ``asyncio.StreamWriter`` is one."""

    def write(self, data: bytes, /) -> None:
        """Take bytes to be sent; does not wait."""
        ...

    async def drain(self) -> None:
        """Wait until there is room for more; errors of sending surface here."""
        ...

    def close(self) -> None:
        """Send nothing more."""
        ...

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        ...


ReaderFactory: TypeAlias = "Callable[[], Awaitable[ByteReader]]"
WriterFactory: TypeAlias = "Callable[[], Awaitable[ByteWriter]]"


def reader_factory(fd: int) -> ReaderFactory:
    """Give a coroutine function that opens the reading end of an OS pipe in the running loop."""

    async def open_reader() -> ByteReader:
        return DescriptorReader(fd)

    return open_reader


def writer_factory(fd: int) -> WriterFactory:
    """Give a coroutine function that opens the writing end of an OS pipe in the running loop."""

    async def open_writer() -> ByteWriter:
        return DescriptorWriter(fd)

    return open_writer


class _Descriptor:
    """A descriptor that is owned, and that one task at a time can wait for."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._waiter: asyncio.Future[None] | None = None
        self._unregister: Callable[[], object] | None = None
        self.closed = False

    def close(self) -> None:
        """Close the descriptor and wake who waits for it; again does nothing."""
        if self.closed:
            return
        self.closed = True
        self._wake()
        self._forget()  # before the number can belong to another file
        os.close(self._fd)

    async def _wait(self, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        self._unregister = partial(remove, self._fd)
        add(self._fd, self._wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._forget()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _forget(self) -> None:
        unregister, self._unregister = self._unregister, None
        if unregister is not None:
            unregister()


class DescriptorReader(_Descriptor):
    """Reads from the descriptor of an OS pipe, which it owns."""

    _ending = False

    def end_when_idle(self) -> None:
        """Give what has already arrived, then the end, instead of waiting for more."""
        self._ending = True
        self._wake()

    async def ready(self) -> None:
        """Wait until there are bytes or the other side has come and gone."""
        loop = asyncio.get_running_loop()
        await self._wait(loop.add_reader, loop.remove_reader)

    async def read(self, n: int, /) -> bytes:
        """Wait for bytes and return at most ``n``; nothing at the end or when closed meanwhile."""
        # A writer that is always ahead must not keep the rest of the module from running.
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        while not self.closed:
            try:
                return os.read(self._fd, min(n, _READ_BYTES))
            except BlockingIOError:
                if self._ending:
                    break
                await self._wait(loop.add_reader, loop.remove_reader)
        return b""


class DescriptorWriter(_Descriptor):
    """Writes to the descriptor of an OS pipe, which it owns."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._unsent = memoryview(b"")
        self._turn = asyncio.Lock()  # several parts of a module may write to the same pipe

    def write(self, data: bytes, /) -> None:
        """Hand bytes to the kernel; what it has no room for is sent by :meth:`drain`.

        Raises ``PipeError`` when nobody reads the pipe any more.
        """
        self._unsent = memoryview(bytes(self._unsent) + data if self._unsent else data)
        self._push()

    async def drain(self) -> None:
        """Wait until the kernel has taken everything; cancelling keeps the rest for later."""
        await asyncio.sleep(0)
        if not self._unsent:
            return
        loop = asyncio.get_running_loop()
        async with self._turn:
            while self._unsent:
                self._check_open()
                await self._wait(loop.add_writer, loop.remove_writer)
                self._push()

    async def wait_closed(self) -> None:
        """Return at once: a descriptor is closed when ``close`` returns."""

    def _push(self) -> None:
        self._check_open()
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._fd, self._unsent) :]
        except BlockingIOError:
            return
        except BrokenPipeError as error:
            self._unsent = memoryview(b"")
            raise PipeError("the reader of this pipe is gone") from error

    def _check_open(self) -> None:
        if self.closed:
            raise PipeError("Cannot write to a closed pipe")
