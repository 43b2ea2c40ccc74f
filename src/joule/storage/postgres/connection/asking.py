"""Several statements in one message, and what those of them that are COPY give.

The driver sends one COPY at a time and wakes up for each piece of its data, which costs more than
all else of a small read. Here a connection is borrowed from the driver between two of its
requests: its transport is given back when the answer is whole, the transaction as it was.
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
    from collections.abc import Iterable

    from joule.storage.postgres.connection.answers import Answer, Bytes, Copied

FIRST_BYTES: Final = 64 * 1024
PATIENCE_S: Final = 1.0
"""How long the rest of an answer is waited for when nobody wants it any more."""


async def ask(
    connection: asyncpg.Connection, statements: Iterable[str], size_bytes: int = FIRST_BYTES
) -> list[Copied]:
    """Carry out statements and give the data of each COPY; ``size_bytes`` is a guess of them all.

    Raises what the driver would raise. Outside of a transaction the statements are one.
    """
    script = "; ".join(filter(None, statements))
    answer = await _answer(connection, script, size_bytes)
    if answer.error:
        raise asyncpg.PostgresError.new(answer.error, query=script)
    return answer.copies


def copy_of(query: str) -> str:
    """Give the statement that copies what a query gives."""
    return f"COPY ({query}) TO STDOUT (FORMAT binary)"


async def _answer(connection: asyncpg.Connection, script: str, size_bytes: int) -> Answer:
    transport = connection._transport  # noqa: SLF001 - asyncpg has no other way to its socket
    if transport.is_closing():
        raise asyncpg.ConnectionDoesNotExistError("the connection is closed")
    owner = transport.get_protocol()
    taker = _Taker(owner, size_bytes)
    transport.set_protocol(taker)
    try:
        text = script.encode()
        transport.write(struct.pack("!cI", b"Q", len(text) + 5) + text + b"\0")
        answer = await _in_time(taker.answer)
    finally:
        transport.set_protocol(owner)
        if not taker.answer.done():
            connection.terminate()
    for message in answer.asynchronous:
        owner.data_received(message)
    return answer


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
                self.answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so; the server may have told why."""
        if not self.answer.done():
            error = parse(self._taken).error
            lost = asyncpg.ConnectionDoesNotExistError("the server closed the connection")
            self.answer.set_exception(asyncpg.PostgresError.new(error) if error else exc or lost)
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Let the owner know."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Let the owner know."""
        self._owner.resume_writing()

    @property
    def _taken(self) -> Bytes:
        return self._buffer[: self._size]
