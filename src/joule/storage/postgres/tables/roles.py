"""The role ``joule_module``, with which modules and scripts use the database, and its rights.

Its password stays the same from start to start: it is kept in our schema, which the role cannot
see. Joule 1.0 gives it a new one at each start; then ours is set again. Where the node's own role
may not make roles all else works, and who asks for the credentials is told why there are none.
"""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import asyncpg

from joule.errors import InvalidRequestError, StorageError
from joule.storage.postgres.connection.connecting import close_quickly, connect
from joule.storage.postgres.tables.functions import NAMES
from joule.utilities.connection_info import ConnectionInfo

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres.connection.server import Server

_log = logging.getLogger(__name__)

ROLE: Final = "joule_module"
PASSWORD_BYTES: Final = 16

_EXISTS: Final = f"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}')"
_GET_PASSWORD: Final = "SELECT value #>> '{}' FROM joule.property WHERE name = 'module_password'"
_SET_PASSWORD: Final = """
INSERT INTO joule.property VALUES ('module_password', $1::jsonb)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
# The keys of masters and followers are nobody's business; Joule 1.0 lets the role read them.
_GRANTS: Final = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA metadata, data TO {role}",
    "GRANT SELECT ON metadata.folder, metadata.stream, metadata.element, metadata.annotation, "
    "metadata.eventstream, metadata.exporter_state TO {role}",
    "REVOKE ALL ON metadata.node, metadata.master, metadata.follower FROM {role}",
    "GRANT SELECT (id, name, type, grantor_id) ON metadata.master TO {role}",
    "GRANT SELECT (id, name, location) ON metadata.follower TO {role}",
)
_UNREADABLE: Final = f"""
SELECT 'data.' || quote_ident(relname) FROM pg_class
WHERE relnamespace = 'data'::regnamespace AND relkind = 'r' AND relname ~ '^(stream|event)[0-9]+$'
AND NOT has_table_privilege('{ROLE}', oid, 'SELECT')
"""


class ModuleRole:
    """The role of one database."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._password = ""
        self._fault = "the role has not been made yet"

    async def prepare(self) -> None:
        """Make the role, give it a password and its rights, as far as the node itself may."""
        try:
            known = await self._server.read(_known_password)
            is_good = known is not None and await self._opens(known)
            self._password = known or secrets.token_hex(PASSWORD_BYTES)
            if not is_good:
                await self._server.make(self._set_password)
            await self._server.make(self._grant)
            self._fault = ""
        except StorageError as error:
            self._fault = f"the node cannot set up the database role {ROLE} for programs: {error}"
            _log.warning("%s", self._fault)

    def connection_info(self) -> ConnectionInfo:
        """Give what a program connects with; ``InvalidRequestError`` says why there is nothing."""
        if self._fault:
            raise InvalidRequestError(self._fault)
        place = self._server.address
        return ConnectionInfo(ROLE, self._password, place.port, place.database, place.host)

    async def make_schema(self, name: str) -> None:
        """Make a schema in which modules do what they like; ``StorageError`` if it cannot be."""
        if self._fault:
            raise StorageError(self._fault)

        async def work(connection: Connection) -> None:
            schema = quoted(name)
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            await connection.execute(f"GRANT ALL ON SCHEMA {schema} TO {ROLE}")

        await self._server.write(work)

    async def _opens(self, password: str) -> bool:
        """Tell whether the role can connect with a password."""
        address = replace(self._server.address, user=ROLE, password=password)
        try:
            connection = await connect(address)
        except StorageError as error:
            if isinstance(error.__cause__, asyncpg.InvalidAuthorizationSpecificationError):
                return False
            raise
        await close_quickly(connection)
        return True

    async def _set_password(self, connection: Connection) -> None:
        verb = "ALTER" if await connection.fetchval(_EXISTS) else "CREATE"
        # A hexadecimal number; where only values are expected no parameter can be given.
        await connection.execute(f"{verb} ROLE {ROLE} LOGIN PASSWORD '{self._password}'")
        await connection.execute(_SET_PASSWORD, json.dumps(self._password))

    async def _grant(self, connection: Connection) -> None:
        database = quoted(self._server.address.database)
        for grant in _GRANTS:
            await connection.execute(grant.format(role=ROLE, database=database))
        for name in NAMES:
            if await connection.fetchval("SELECT to_regprocedure($1) IS NOT NULL", name):
                await connection.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {ROLE}")
        for (table,) in await connection.fetch(_UNREADABLE):
            await connection.execute(f"GRANT SELECT ON {table} TO {ROLE}")


async def grant_table(connection: Connection, table: str) -> None:
    """Let the role read a table that was just made, given by its name with the schema."""
    if await connection.fetchval(_EXISTS):
        await connection.execute(f"GRANT SELECT ON {table} TO {ROLE}")


async def _known_password(connection: Connection) -> str | None:
    password: str | None = await connection.fetchval(_GET_PASSWORD)
    return password


def quoted(name: str) -> str:
    """Give a name as SQL takes it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
