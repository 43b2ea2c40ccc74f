"""Databases of other versions: older ones are brought to the schema of Joule 1.0.1, newer refused.

All of it happens in one transaction. What is there decides what is done, not the version alone:
a database may have been restored from parts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from joule.errors import StorageFormatError
from joule.version import VERSION

if TYPE_CHECKING:
    from asyncpg import Connection

SCHEMA_VERSION: Final = "1.0.1"
"""The release of Joule whose tables these are: it is written to new databases, so that that release
opens them."""

FORMAT: Final = 1
"""What our own schema looks like: the comment on it says so."""

REWRITE_TIMEOUT_S: Final = 3600.0
"""How long a table may take to be written anew."""

_STAMPS: Final = (
    ("annotation", "start"),
    ("annotation", "end"),
    ("folder", "updated_at"),
    ("stream", "updated_at"),
    ("eventstream", "updated_at"),
)
_IS_NAIVE: Final = """
SELECT data_type = 'timestamp without time zone' FROM information_schema.columns
WHERE table_schema = 'metadata' AND table_name = $1 AND column_name = $2
"""
_FORMAT: Final = """
SELECT substring(obj_description(to_regnamespace('joule'), 'pg_namespace') FROM '^format ([0-9]+)$')
"""
_ADD_CONFIGURED: Final = """
ALTER TABLE metadata.eventstream ADD COLUMN IF NOT EXISTS is_configured boolean DEFAULT false
"""
_NEW_NODE: Final = """
INSERT INTO metadata.node (uuid, version) VALUES (gen_random_uuid(), $1)
"""


async def has_node(connection: Connection) -> bool:
    """Tell whether there are the tables of a node."""
    return await _exists(connection, "metadata.node")


async def check_version(connection: Connection) -> None:
    """Raise ``StorageFormatError`` for a database of a newer version than this one knows."""
    if await has_node(connection):
        _refuse_newer(await _version(connection))
    found = int(await connection.fetchval(_FORMAT) or FORMAT)
    if found > FORMAT:
        raise StorageFormatError(
            f"the schema joule has format {found}, Joule {VERSION} knows those up to {FORMAT}"
        )


async def upgrade(connection: Connection) -> None:
    """Bring the tables of an older version up to date, before missing ones are made."""
    if await _exists(connection, "metadata.annotation"):
        for table, column in _STAMPS:
            await _add_zone(connection, table, column)
        await connection.execute(_ADD_CONFIGURED)


async def record_version(connection: Connection) -> None:
    """Give the node its uuid once, and note the versions of the tables and of our schema."""
    await connection.execute(f"COMMENT ON SCHEMA joule IS 'format {FORMAT}'")
    version = await _version(connection)
    if not await connection.fetchval("SELECT count(*) FROM metadata.node"):
        await connection.execute(_NEW_NODE, SCHEMA_VERSION)
    elif _numbers(version) < _numbers(SCHEMA_VERSION):
        await connection.execute("UPDATE metadata.node SET version = $1", SCHEMA_VERSION)


async def _exists(connection: Connection, table: str) -> bool:
    return await connection.fetchval("SELECT to_regclass($1)", table) is not None


async def _version(connection: Connection) -> str:
    version: str | None = await connection.fetchval("SELECT version FROM metadata.node")
    return version or ""


def _refuse_newer(version: str) -> None:
    # A third number stands for repairs: the tables stay the same.
    if _numbers(version)[:2] > _numbers(SCHEMA_VERSION)[:2]:
        raise StorageFormatError(
            f"Database version {version} is newer than Joule version {SCHEMA_VERSION}. This is not "
            f"supported (Joule {VERSION} keeps the tables of {SCHEMA_VERSION})"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Give what a version is compared by; a text that is none is older than all others."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


async def _add_zone(connection: Connection, table: str, column: str) -> None:
    if await connection.fetchval(_IS_NAIVE, table, column):
        await connection.execute(
            f'ALTER TABLE metadata.{table} ALTER COLUMN "{column}" TYPE timestamptz '
            f"USING \"{column}\" AT TIME ZONE 'UTC'",
            timeout=REWRITE_TIMEOUT_S,
        )
