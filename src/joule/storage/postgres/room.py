"""The room that a database takes, and what is left on the server's volume."""

from __future__ import annotations

import asyncio
import shutil
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from joule.storage.interfaces import StoreUsage, Volume

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.address import Address
    from joule.storage.postgres.connection.server import Server

_ROOM: Final = """
SELECT pg_database_size(current_database()),
       (SELECT setting FROM pg_settings WHERE name = 'data_directory')
"""
_UNKNOWN: Final = Volume(-1, -1, -1)


async def usage(server: Server) -> StoreUsage:
    """Look at the database; and at its volume, where the server is on this machine and says it.

    It tells where its data is to those who have ``pg_read_all_settings``.
    """
    size, folder = await server.read(_ask)
    volume = _UNKNOWN
    if folder is not None and _is_here(server.address):
        volume = await asyncio.to_thread(_volume, folder, size)
    return StoreUsage(str(server.address), size, volume=volume)


async def _ask(connection: Connection) -> tuple[int, str | None]:
    size, folder = await connection.fetchrow(_ROOM)
    return size, folder


def _is_here(address: Address) -> bool:
    if address.host == "localhost":
        return True
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return False


def _volume(folder: str, size: int) -> Volume:
    try:
        total, used, free = shutil.disk_usage(folder)
    except OSError:  # behind a tunnel, or in a container
        return _UNKNOWN
    return Volume(max(0, used - size), max(0, total - used - free), free)
