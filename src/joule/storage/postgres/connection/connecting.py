"""How one connection is made and ended: limits of time, settings of the session, codecs."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from joule.errors import StorageError
from joule.storage.postgres.connection.errors import translated_connecting
from joule.storage.postgres.connection.times import use_integer_times

if TYPE_CHECKING:
    from joule.storage.address import Address

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 60.0
"""How long a server may take for one statement that does not say otherwise."""

LONG_S: Final = 600.0
"""For one that goes over all rows or events of a stream, or stores any number."""

CLOSE_TIMEOUT_S: Final = 2.0
OLDEST: Final = 14
"""The oldest major version of PostgreSQL that is used."""

SETTINGS: Final = {
    "application_name": "joule",
    "timezone": "UTC",
    "search_path": "public",
    "datestyle": "ISO",
    # A plan that avoids what it cannot do without looks costly, and would be compiled in vain.
    "jit": "off",
    # How soon the server gives up a node that has vanished, and the locks it held.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
IMPATIENTLY: Final = "SET LOCAL lock_timeout = '3s'"
"""For a transaction that drops tables: who waits for one that ``pg_dump`` holds keeps all back."""

IS_OWN_SESSION: Final = "(current_setting('joule.session', true) IS NOT DISTINCT FROM 'node')"
"""SQL: whether a session is one of a node's, for triggers that notice what others do."""

_SESSION: Final = """
SELECT set_config('joule.session', 'node', false);
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
"""
_KEEPALIVE: Final = (
    ("SO_KEEPALIVE", socket.SOL_SOCKET, 1),
    ("TCP_KEEPIDLE", socket.IPPROTO_TCP, 10),
    ("TCP_KEEPINTVL", socket.IPPROTO_TCP, 5),
    ("TCP_KEEPCNT", socket.IPPROTO_TCP, 3),
    ("TCP_USER_TIMEOUT", socket.IPPROTO_TCP, 20_000),
)
"""How soon we give up a server that has vanished: otherwise an answer is waited for for ever."""


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection whose session stays as it was set up when it goes back to the pool."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Give nothing: nobody changes the session, and it would be one more round trip."""
        return ""


def arguments(address: Address) -> dict[str, Any]:
    """Give what every connection is made with."""
    return {
        "dsn": address.dsn,
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": ANSWER_TIMEOUT_S,
        "server_settings": SETTINGS,
        "connection_class": Connection,
    }


async def connect(address: Address) -> asyncpg.Connection:
    """Make a connection; ``StorageError`` when that fails."""
    with translated_connecting(address):
        connection = await asyncpg.connect(**arguments(address))
    try:
        with translated_connecting(address):
            await prepare(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def prepare(connection: asyncpg.Connection) -> None:
    """Set a new connection up."""
    if connection.get_server_version().major < OLDEST:
        raise StorageError(f"PostgreSQL {OLDEST} or newer is needed")
    _watch(connection)
    await use_integer_times(connection)
    await connection.execute(_SESSION)


def _watch(connection: asyncpg.Connection) -> None:
    transport = connection._transport  # noqa: SLF001 - asyncpg has no other way to its socket
    own = transport.get_extra_info("socket")
    if own is None or own.family == socket.AF_UNIX:
        return
    for name, level, value in _KEEPALIVE:
        if hasattr(socket, name):
            own.setsockopt(level, getattr(socket, name), value)


async def close_quickly(connection: asyncpg.Connection) -> None:
    """Close a connection in good order if that goes quickly, otherwise in any case."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
    except asyncio.CancelledError:
        connection.terminate()
        raise


def drop(connection: asyncpg.Connection) -> None:
    """End a connection of the pool that is good for nothing any more."""
    with suppress(asyncpg.InterfaceError):  # the pool has noticed and taken it back
        connection.terminate()
