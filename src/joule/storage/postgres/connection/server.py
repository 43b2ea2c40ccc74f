"""The way to the database: a pool of connections, transactions, and what happens in an outage.

No other file makes connections. All times in parameters and results are UNIX microseconds
(``times``), every error is one of ours (``errors``).
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeVar

import asyncpg

from joule.storage.postgres.connection.connecting import arguments, connect, drop, prepare
from joule.storage.postgres.connection.errors import (
    LOST,
    ServerLostError,
    is_lost,
    is_overdue,
    reason,
    translated,
    translated_connecting,
)
from joule.storage.postgres.connection.node_lock import NodeLock
from joule.storage.postgres.connection.outcome import Marks
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from asyncpg import Connection

    from joule.storage.address import Address

T = TypeVar("T")

CONNECTIONS_MAX: Final = 11
READERS_MAX: Final = 7
"""So many read at once, so that long reads do not keep new rows waiting for a connection."""

CLOSE_TIMEOUT_S: Final = 10.0
TIDY_TIMEOUT_S: Final = 5.0

_TIMESCALE: Final = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"


def _nothing_more(_result: object) -> str:
    return ""


class NotBegunError(ServerLostError):
    """The connection turned out to be broken before anything was done on it."""


class Server:
    """A pool of connections to one database, which this node has for itself.

    Nothing waits for a server that is away: what is asked of it raises ``StorageError`` within
    seconds, and the next question connects again.
    """

    def __init__(self, address: Address, pool: asyncpg.Pool) -> None:
        self.address = address
        self.has_timescale = False
        self._pool = pool
        self._reading = asyncio.Semaphore(READERS_MAX)
        self._lock = NodeLock(address, partial(connect, address))
        self._marks = Marks(address, partial(connect, address))

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connect; ``StorageInUseError`` when another node uses the database."""
        pool = asyncpg.create_pool(
            min_size=0, max_size=CONNECTIONS_MAX, init=prepare, **arguments(address)
        )
        with translated_connecting(address):
            await pool
        server = cls(address, pool)
        try:
            await server._lock.hold()
            server.has_timescale = await server.read(has_timescale)
        except BaseException:
            await server.close()
            raise
        return server

    @property
    def tenure(self) -> int:
        """Number that changes when the database was out of our hands.

        Meanwhile somebody else may have changed it, or the server was replaced by one that lags.
        """
        return self._lock.times_taken

    async def hold(self) -> None:
        """Make sure that this node has the database for itself."""
        await self._lock.hold()

    async def close(self) -> None:
        """End all connections; those in use have some seconds. Idempotent."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()
        finally:
            await self._lock.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow a connection."""
        with translated_connecting(self.address):
            connection = await self._pool.acquire()
        try:
            with translated(self.address, connection):
                yield connection
        except ServerLostError:
            drop(connection)
            # The others are as old, and have hardly fared better.
            await self._pool.expire_connections()
            raise
        finally:
            with suppress(*LOST, asyncpg.InterfaceError):
                await self._pool.release(connection, timeout=TIDY_TIMEOUT_S)

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Give what ``work`` reads; once more when the connection turns out to be broken."""
        async with self._reading:
            try:
                return await self._read(work)
            except ServerLostError as error:
                if is_overdue(error.__cause__):
                    raise
                return await self._read(work)

    async def _read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self.connection() as connection:
            return await work(connection)

    async def write(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        opening: str = "",
        closing: Callable[[T], str] = _nothing_more,
    ) -> T:
        """Carry out ``work`` in one transaction, durable on return.

        ``opening`` and what ``closing`` makes of the result are SQL without parameters that is
        carried out before and after it; they cost no round trip.

        When anything is raised nothing was changed, but for ``OutcomeUnknownError``: then the
        connection broke at the commit and the server did not come back to tell. Cancelling the
        caller does not undo a commit that has begun.
        """
        try:
            return await self._write(work, opening, closing)
        except NotBegunError:
            return await self._write(work, opening, closing)

    async def make(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Carry out ``work`` in one transaction, before there are tables to leave a mark in."""
        await self._lock.hold()
        async with self.connection() as connection, connection.transaction():
            return await work(connection)

    async def _write(
        self,
        work: Callable[[Connection], Awaitable[T]],
        opening: str,
        closing: Callable[[T], str],
    ) -> T:
        await self._lock.hold()
        with self._marks.place() as place:
            async with self.connection() as connection:
                await _begin(connection, opening)
                try:
                    result = await work(connection)
                    last_words = closing(result)
                except BaseException as error:
                    await _roll_back(connection, error)
                    raise
                await completely(self._commit(connection, place, last_words))
        return result

    async def _commit(self, connection: Connection, place: int, closing: str) -> None:
        mark, leaving = self._marks.leave(place)
        try:
            with translated(self.address, connection):
                await connection.execute(f"{closing}; {leaving}; COMMIT")
        except ServerLostError:
            if not await self._marks.is_there(place, mark):
                raise
        except BaseException as error:
            await _roll_back(connection, error)
            raise


async def _begin(connection: Connection, opening: str) -> None:
    try:
        await connection.execute(f"BEGIN; {opening}")
    except LOST as error:
        if is_overdue(error):  # it waits for a table: another try would do so again
            raise
        raise NotBegunError(f"the connection was lost: {reason(error)}") from error
    except BaseException as error:
        await _roll_back(connection, error)
        raise


async def _roll_back(connection: Connection, error: BaseException) -> None:
    """Undo a transaction; when the connection is gone the server does it."""
    if is_lost(error):
        drop(connection)
        return
    try:
        async with asyncio.timeout(TIDY_TIMEOUT_S):
            await connection.execute("ROLLBACK")
    except (*LOST, asyncpg.PostgresError, asyncpg.InterfaceError):
        drop(connection)


async def has_timescale(connection: Connection) -> bool:
    """Tell whether the database has TimescaleDB."""
    return bool(await connection.fetchval(_TIMESCALE))
