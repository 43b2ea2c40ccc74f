"""What PostgreSQL, its driver and the network say, as errors of ours.

All of it is about the outside world: a server that is gone, full or set up otherwise. Only what
a programmer got wrong passes as it is.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
from asyncpg.exceptions import InternalClientError

from joule.errors import DataError, JouleError, StorageError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.storage.address import Address


class ServerLostError(StorageError):
    """The connection broke while it was used; nothing was changed."""


class OutcomeUnknownError(StorageError):
    """The connection broke while a transaction was committed, and nobody can tell how it ended."""


class HeldError(StorageError):
    """Somebody else has locked what was to be changed."""


LOST: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""What is raised when a connection is gone."""

_BUGS: Final = (asyncpg.PostgresSyntaxError,)

_UNSTORABLE: Final = (
    asyncpg.DataError,
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
)
_FOREIGN: Final = (OSError, MemoryError, asyncpg.PostgresError, asyncpg.InterfaceError)


def is_lost(error: BaseException) -> bool:
    """Tell whether an error means that the connection is gone."""
    return isinstance(error, LOST)


def is_overdue(error: BaseException | None) -> bool:
    """Tell whether an error means that a statement took too long, and the connection may live."""
    return isinstance(error, TimeoutError) and not error.errno


@contextmanager
def translated(address: Address, connection: asyncpg.Connection) -> Iterator[None]:
    """Turn what the driver and the server say while it is used into our errors; bugs pass."""
    try:
        yield
    except _BUGS:
        raise
    except (*_FOREIGN, InternalClientError) as error:
        # Who uses a closed connection is told of an InterfaceError like many others.
        if is_lost(error) or _is_closed(connection):
            text = f"the connection to {address} is lost: {reason(error)}"
            raise ServerLostError(text) from error
        raise _ours(error, address) from error


def _is_closed(connection: asyncpg.Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back
        return True


def _ours(error: Exception, address: Address) -> JouleError:
    if isinstance(error, _UNSTORABLE):
        if isinstance(error.__cause__, JouleError):
            return error.__cause__
        return DataError(f"the database cannot store this: {reason(error)}")
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFullError(f"no room left for {address}: {reason(error)}")
    if isinstance(error, asyncpg.LockNotAvailableError):
        return HeldError(f"{address}: somebody else holds the tables, pg_dump for example")
    if isinstance(error, MemoryError):
        return StorageError(f"{address}: there is not enough memory to read or write it")
    return StorageError(f"{address}: {reason(error)}")


@contextmanager
def translated_connecting(address: Address) -> Iterator[None]:
    """Turn what goes wrong while a connection is made into ``StorageError``."""
    try:
        yield
    except TimeoutError as error:
        raise StorageError(f"cannot connect to {address}: it does not answer") from error
    except (*_FOREIGN, InternalClientError, ValueError) as error:
        raise StorageError(f"cannot connect to {address}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Give what an error says, on one line."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if is_overdue(error):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__
