"""What is asked of a database without being its node: nothing is made, nobody is locked out."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from joule.storage.postgres.catalog import keys, upgrades
from joule.storage.postgres.connection.connecting import close_quickly, connect
from joule.storage.postgres.connection.errors import translated
from joule.storage.postgres.connection.node_lock import is_taken
from joule.storage.postgres.connection.server import has_timescale

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Connection

    from joule.storage.address import Address


_IS_DURABLE: Final = """
SELECT current_setting('fsync')::bool AND current_setting('full_page_writes')::bool
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of a database.

    ``has_node`` says that there are tables of a node, ``is_durable`` that a power cut takes nothing
    away that was stored; ``clear_names`` are the masters whose keys are in clear text.
    """

    server: str
    has_timescale: bool
    has_node: bool
    is_in_use: bool
    is_durable: bool
    clear_names: tuple[str, ...]


async def inspect(address: Address) -> Condition:
    """Look at a database; ``StorageFormatError`` when it is newer than this version."""
    async with _visiting(address) as connection:
        await upgrades.check_version(connection)
        has_node = await upgrades.has_node(connection)
        return Condition(
            server=await connection.fetchval("SELECT current_setting('server_version')"),
            has_timescale=await has_timescale(connection),
            has_node=has_node,
            is_in_use=await is_taken(connection),
            is_durable=await connection.fetchval(_IS_DURABLE),
            clear_names=tuple(await keys.clear_names(connection)) if has_node else (),
        )


async def hide_keys(address: Address) -> None:
    """Replace the keys that are in clear text by their hashes; the node may run meanwhile."""
    async with _visiting(address) as connection:
        await keys.hide(connection)


@asynccontextmanager
async def _visiting(address: Address) -> AsyncIterator[Connection]:
    connection = await connect(address)
    try:
        with translated(address, connection):
            yield connection
    finally:
        await close_quickly(connection)
