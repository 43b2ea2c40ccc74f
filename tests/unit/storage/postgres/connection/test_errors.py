from __future__ import annotations

import errno
from typing import Any

import asyncpg
import pytest

from joule.errors import DataError, StorageError, StorageFullError
from joule.storage.address import Address
from joule.storage.postgres.connection.errors import (
    ServerLostError,
    translated,
    translated_connecting,
)

ADDRESS = Address("h", 5432, "d", "u", "secret")


class Connection:
    """As much of a connection as is looked at."""

    def __init__(self, *, is_closed: bool) -> None:
        self._is_closed = is_closed

    def is_closed(self) -> bool:
        return self._is_closed


def raised(error: Exception, *, is_closed: bool = False) -> Exception:
    """What comes out when this is raised while a connection is used."""
    connection: Any = Connection(is_closed=is_closed)
    with pytest.raises(Exception, match=r".") as caught, translated(ADDRESS, connection):
        raise error
    assert "secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (asyncpg.DiskFullError("full"), StorageFullError),
        (asyncpg.ConnectionDoesNotExistError("gone"), ServerLostError),
        (asyncpg.AdminShutdownError("stop"), ServerLostError),
        (asyncpg.CrashShutdownError("crash"), ServerLostError),
        (asyncpg.CannotConnectNowError("starting"), ServerLostError),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ServerLostError),
        (TimeoutError(), ServerLostError),
        (asyncpg.NumericValueOutOfRangeError("too large"), DataError),
        (asyncpg.DatetimeFieldOverflowError("too early"), DataError),
        (asyncpg.CharacterNotInRepertoireError("NUL"), DataError),
        (asyncpg.InsufficientPrivilegeError("no"), StorageError),
        (asyncpg.ReadOnlySQLTransactionError("standby"), StorageError),
        (asyncpg.QueryCanceledError("statement_timeout"), StorageError),
        (asyncpg.UndefinedTableError("dropped"), StorageError),
        (asyncpg.UniqueViolationError("twice"), StorageError),
        (asyncpg.OutOfMemoryError("memory"), StorageError),
        (asyncpg.TooManyConnectionsError("many"), StorageError),
        (asyncpg.InterfaceError("used twice"), StorageError),
        (MemoryError(), StorageError),
    ],
)
def test_what_the_outside_world_does_is_one_of_our_errors(
    foreign: Exception, ours: type[Exception]
) -> None:
    found = raised(foreign)
    assert type(found) is ours
    assert found.__cause__ is foreign


def test_whatever_goes_wrong_on_a_closed_connection_means_that_it_is_lost() -> None:
    assert type(raised(asyncpg.InterfaceError("no"), is_closed=True)) is ServerLostError
    assert type(raised(asyncpg.InternalClientError("no"), is_closed=True)) is ServerLostError


@pytest.mark.parametrize("bug", [asyncpg.PostgresSyntaxError("bug"), KeyError("bug")])
def test_bugs_pass(bug: Exception) -> None:
    assert raised(bug) is bug


@pytest.mark.parametrize(
    ("foreign", "text"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), "Connection refused"),
        (TimeoutError(), "it does not answer"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "authentication failed"),
        (asyncpg.InvalidCatalogNameError('database "d" does not exist'), "does not exist"),
        (asyncpg.TooManyConnectionsError("too many clients"), "too many clients"),
        (ValueError("`sslmode` parameter must be one of"), "sslmode"),
    ],
)
def test_what_keeps_from_connecting_is_said(foreign: Exception, text: str) -> None:
    with (
        pytest.raises(StorageError, match=f"cannot connect to postgresql://u@h:5432/d: .*{text}"),
        translated_connecting(ADDRESS),
    ):
        raise foreign
