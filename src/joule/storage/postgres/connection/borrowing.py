"""A connection borrowed from its driver between two of the driver's requests.

The driver sends one COPY at a time and wakes up for each piece of its data, which costs more than
all else of a small read or write. Here its transport is taken for several statements as one
message, and given back when the answer is whole, the transaction as the server has it.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final

import asyncpg
import numpy as np

from joule.storage.postgres.connection.answers import may_be_whole, parse
from joule.storage.postgres.connection.connecting import ANSWER_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from joule.storage.postgres.connection.answers import Answer, Bytes

PATIENCE_S: Final = 1.0
"""How long the rest of an answer is waited for when nobody wants it any more."""

TOGETHER_BYTES: Final = 64 * 1024
"""So much is put together from small messages before it is sent."""


async def exchange(
    connection: asyncpg.Connection, script: str, data: Iterable[bytes], size_bytes: int
) -> Answer:
    """Carry out statements and give their answer; ``size_bytes`` is a guess of its size.

    ``data`` is what the server is sent behind them, for each COPY FROM STDIN, in whole messages of
    the protocol: sending ends between two of them. Outside of a transaction the statements are one.
    Raises what the driver would raise.
    """
    transport = connection._transport  # noqa: SLF001 - asyncpg has no other way to its socket
    if transport.is_closing():
        raise asyncpg.ConnectionDoesNotExistError("the connection is closed")
    owner = transport.get_protocol()
    taker = _Taker(owner, size_bytes)
    transport.set_protocol(taker)
    try:
        await _send(transport, taker, _messages(script, data))
        answer = await _in_time(taker.answer)
    finally:
        transport.set_protocol(owner)
        if not taker.answer.done():
            connection.terminate()
    for message in answer.asynchronous:
        owner.data_received(message)
    if answer.error:
        raise asyncpg.PostgresError.new(answer.error, query=script)
    return answer


def _messages(script: str, data: Iterable[bytes]) -> Iterator[bytes]:
    """Give the messages to send, small ones together."""
    text = script.encode()
    together = bytearray(struct.pack("!cI", b"Q", len(text) + 5) + text + b"\0")
    for message in data:
        if len(together) + len(message) > TOGETHER_BYTES:
            yield bytes(together)
            together.clear()
        if len(message) > TOGETHER_BYTES:
            yield message
        else:
            together += message
    if together:
        yield bytes(together)


async def _send(transport: asyncio.Transport, taker: _Taker, messages: Iterable[bytes]) -> None:
    """Send messages as the server takes them, until it has answered, which may be an error."""
    for number, message in enumerate(messages):
        if number:
            await asyncio.sleep(0)  # making a message takes time
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await taker.may_write.wait()
        if taker.answer.done():
            return
        transport.write(message)


async def _in_time(coming: asyncio.Future[Answer]) -> Answer:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await asyncio.shield(coming)
    except asyncio.CancelledError:
        await asyncio.wait([coming], timeout=PATIENCE_S)
        if coming.done():
            coming.exception()  # nobody is left to be told
        raise


class _Taker(asyncio.BufferedProtocol):
    """Takes one answer; ``owner`` is told when the connection ends."""

    def __init__(self, owner: asyncio.Protocol, size_bytes: int) -> None:
        self._owner = owner
        self._buffer: Bytes = np.empty(max(size_bytes, 1), dtype=np.uint8)
        self._size = 0
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.may_write = asyncio.Event()
        self.may_write.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the room for what comes next."""
        if self._size == len(self._buffer):
            larger: Bytes = np.empty(2 * self._size, dtype=np.uint8)
            larger[: self._size] = self._buffer
            self._buffer = larger
        return self._buffer.data[self._size :]

    def buffer_updated(self, nbytes: int) -> None:
        """Look whether all is there."""
        self._size += nbytes
        if may_be_whole(self._taken) and not self.answer.done():
            answer = parse(self._taken)
            if answer.is_whole:
                self._end_with(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so; the server may have told why."""
        if not self.answer.done():
            error = parse(self._taken).error
            lost = asyncpg.ConnectionDoesNotExistError("the server closed the connection")
            self._end_with(asyncpg.PostgresError.new(error) if error else exc or lost)
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Have the sender wait, and let the owner know."""
        self.may_write.clear()
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Let the sender go on, and the owner know."""
        self.may_write.set()
        self._owner.resume_writing()

    def _end_with(self, result: Answer | Exception) -> None:
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)
        self.may_write.set()

    @property
    def _taken(self) -> Bytes:
        return self._buffer[: self._size]
