"""Samples in a NilmDB server, catalog and events in another engine.

NilmDB is an older time-series database with an HTTP interface. What it cannot promise is listed in
``docs/nilmdb.md``.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from joule.errors import StorageError
from joule.storage.interfaces import ROWS_IN_NILMDB, StoreUsage
from joule.storage.nilmdb.samples import NilmdbSamples
from joule.storage.nilmdb.session import Session
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from typing import Self

    from joule.storage.interfaces import CatalogStore, DatabaseAccess, Engine, EventStore
    from joule.utilities.connection_info import ConnectionInfo

__all__ = ["NilmdbEngine"]


@dataclass(frozen=True, slots=True)
class _Access:
    """The way into a database that has everything but the rows."""

    inner: DatabaseAccess
    url: str

    def connection_info(self) -> ConnectionInfo:
        """Give what to connect with, to both."""
        return replace(self.inner.connection_info(), nilmdb_url=self.url)

    async def make_schema(self, name: str) -> None:
        """Make a schema in the database."""
        await self.inner.make_schema(name)


class NilmdbEngine:
    """An ``Engine`` whose rows are in the server at ``url`` and everything else is in ``inner``.

    An async context manager that is entered once, which opens ``inner``; it raises
    ``StorageError`` when the server does not answer. Leaving commits what was accepted.
    """

    def __init__(self, inner: Engine, url: str) -> None:
        self._inner = inner
        self._session = Session(url)
        self._samples: NilmdbSamples | None = None
        self._stack = AsyncExitStack()

    @property
    def nilmdb_url(self) -> str:
        """Where the server is."""
        return self._session.url

    @property
    def catalog(self) -> CatalogStore:
        """The metadata."""
        return self._inner.catalog

    @property
    def events(self) -> EventStore:
        """The events."""
        return self._inner.events

    @property
    def database(self) -> DatabaseAccess | None:
        """The way into the database of the other engine, which names this server too."""
        inner = self._inner.database
        return None if inner is None else _Access(inner, self.nilmdb_url)

    @property
    def samples(self) -> NilmdbSamples:
        """The rows."""
        assert self._samples is not None, "entered"
        return self._samples

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._inner)
            await stack.enter_async_context(self._session)
            self._samples = NilmdbSamples(self._session, self._inner.catalog)
            await self._samples.recover()
            await self._leave_word()
            stack.push_async_callback(self._samples.commit)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def _leave_word(self) -> None:
        """Note in the catalog where the rows are: who opens it alone would miss them."""
        place = without_password(self.nilmdb_url)
        if await self.catalog.get_property(ROWS_IN_NILMDB) != place:
            await self.catalog.set_property(ROWS_IN_NILMDB, place)

    async def usage(self) -> StoreUsage:
        """Give the bytes of both, where the catalog is, and the room on the server's volume."""
        inner = await self._inner.usage()
        try:
            size, volume = await self._session.usage()
        except StorageError as error:
            return replace(inner, fault=inner.fault or str(error))
        if inner.size_bytes < 0:
            return StoreUsage(without_password(self.nilmdb_url), size, inner.fault, volume)
        return replace(inner, size_bytes=inner.size_bytes + size, volume=volume)

    async def maintain(self) -> None:
        """Let the other engine do its housekeeping; the server does its own."""
        await self._inner.maintain()
