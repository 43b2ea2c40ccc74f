"""The PostgreSQL engine: the tables of Joule 1.0, with TimescaleDB or without.

``connection`` is the way to the database, ``tables`` has one file for each kind of table. On these
stand ``levels``, the decimated rows, and on them ``rows``, which keeps data streams; ``events`` and
``catalog`` keep the rest. ``docs/postgresql.md`` describes the tables.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from joule.errors import StorageError
from joule.storage.interfaces import StoreUsage
from joule.storage.postgres import room
from joule.storage.postgres.catalog import keys, older_exporters, schema, upgrades
from joule.storage.postgres.catalog.catalog import PostgresCatalog
from joule.storage.postgres.connection import outcome
from joule.storage.postgres.connection.connecting import IMPATIENTLY
from joule.storage.postgres.connection.errors import HeldError, ServerLostError
from joule.storage.postgres.connection.server import Server
from joule.storage.postgres.events.events import PostgresEvents
from joule.storage.postgres.rows.samples import PostgresSamples
from joule.storage.postgres.tables import (
    boundary_index,
    compressed_table,
    dropping,
    functions,
    seams,
    timescale,
    totals,
)
from joule.storage.postgres.tables.roles import ModuleRole

if TYPE_CHECKING:
    from typing import Self

    from asyncpg import Connection

    from joule.storage.address import Address

__all__ = ["PostgresEngine"]

_log = logging.getLogger(__name__)

_SCHEMAS: Final = (
    outcome.SCHEMA,
    keys.SCHEMA,
    totals.SCHEMA,
    seams.SCHEMA,
    dropping.SCHEMA,
    compressed_table.SCHEMA,
)


class PostgresEngine:
    """An ``Engine`` in one database; an async context manager that is entered once.

    Entering makes what is missing in the database, and takes over one of Joule 1.0. It raises
    ``StorageInUseError`` when another node uses it and ``StorageFormatError`` when it is newer
    than this version. Leaving commits what was accepted. ``compress_after_us`` is the age at which
    TimescaleDB compresses rows, None for never. Without it there are compressed copies of rows if
    ``compressed_copies``; otherwise those that are there are removed.
    """

    def __init__(
        self,
        address: Address,
        *,
        compress_after_us: int | None = None,
        compressed_copies: bool = True,
    ) -> None:
        self._address = address
        self._compressed_copies = compressed_copies
        self._compress_after_us = compress_after_us
        self._server: Server
        self._catalog: PostgresCatalog
        self._events: PostgresEvents
        self._samples: PostgresSamples
        self._role: ModuleRole

    @property
    def catalog(self) -> PostgresCatalog:
        """The metadata."""
        return self._catalog

    @property
    def events(self) -> PostgresEvents:
        """The events."""
        return self._events

    @property
    def samples(self) -> PostgresSamples:
        """The rows."""
        return self._samples

    @property
    def database(self) -> ModuleRole:
        """The way of programs into the database."""
        return self._role

    async def __aenter__(self) -> Self:
        self._server = await Server.open(self._address)
        try:
            await self._prepare(self._server)
        except BaseException:
            await self._server.close()
            raise
        return self

    async def _prepare(self, server: Server) -> None:
        await server.make(_make_tables)
        await boundary_index.make_missing(server)
        await _make_functions(server)
        self._role = ModuleRole(server)
        await self._role.prepare()
        self._catalog = PostgresCatalog(server)
        self._events = PostgresEvents(server)
        if not self._compressed_copies:
            await _remove_copies(server)
        self._samples = PostgresSamples(server, compressed_copies=self._compressed_copies)

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._samples.commit()
        finally:
            await self._server.close()

    async def usage(self) -> StoreUsage:
        """Give the address and the bytes of the database; ``fault`` says that it is away."""
        try:
            return await room.usage(self._server)
        except StorageError as error:
            return StoreUsage(str(self._address), -1, str(error))

    async def maintain(self) -> None:
        await self._samples.maintain()
        await self._events.maintain()
        if self._compress_after_us is not None and self._server.has_timescale:
            await self._compress(self._compress_after_us)

    async def _compress(self, age_us: int) -> None:
        try:
            await self._server.write(lambda connection: timescale.compress(connection, age_us))
        except ServerLostError:
            raise
        except StorageError as error:
            self._compress_after_us = None  # the edition of TimescaleDB has no compression
            _log.warning("rows are not compressed: %s", error)


async def _make_tables(connection: Connection) -> None:
    """Take over what another version has left, make what is missing; all of it or nothing."""
    await upgrades.check_version(connection)
    await upgrades.upgrade(connection)
    await schema.make(connection, _SCHEMAS)
    await upgrades.record_version(connection)
    await keys.adopt(connection)
    await older_exporters.adopt(connection)


async def _remove_copies(server: Server) -> None:
    try:
        await server.write(compressed_table.remove_all, opening=IMPATIENTLY)
    except HeldError as error:
        _log.warning("the compressed copies of rows are removed at another start: %s", error)


async def _make_functions(server: Server) -> None:
    try:
        await server.make(
            lambda connection: functions.make(connection, has_timescale=server.has_timescale)
        )
    except StorageError as error:
        _log.warning("the functions stream_info and others cannot be made: %s", error)
