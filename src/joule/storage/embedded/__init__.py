"""The embedded engine, the default: catalog, events and samples in one SQLite file.

``database`` is the file and its threads; ``samples`` and what it uses keep rows, ``catalog`` and
``events`` the rest. ``docs/storage-format.md`` describes the bytes.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from joule.models.layout import Layout
from joule.storage.embedded import catalog_tables, events, quarantine, samples
from joule.storage.embedded.catalog import EmbeddedCatalog
from joule.storage.embedded.database import Database
from joule.storage.embedded.events import EmbeddedEvents
from joule.storage.embedded.samples import EmbeddedSamples
from joule.storage.interfaces import StoreUsage, StreamRef

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

__all__ = ["EmbeddedEngine"]

LOST = "damaged data was put aside ({} entries): run joule admin check"


class EmbeddedEngine:
    """An ``Engine`` in one file; an async context manager that is entered once.

    Entering creates the file if needed and takes over what the last process had committed. It
    raises ``StorageError`` when another process uses the file and ``StorageFormatError`` when the
    file is not ours or newer than this version. Leaving commits what was accepted. ``vfs`` names
    an SQLite file layer, for tests that make writes fail. ``recodes_cold`` lets :meth:`maintain`
    store old rows anew, smaller.
    """

    def __init__(self, path: Path, *, vfs: str | None = None, recodes_cold: bool = False) -> None:
        self._recodes_cold = recodes_cold
        schemas = (samples.SCHEMA, catalog_tables.SCHEMA, events.SCHEMA)
        self._database = Database(path, schemas, vfs=vfs)
        self._samples = EmbeddedSamples(self._database)
        self._catalog = EmbeddedCatalog(self._database)
        self._events = EmbeddedEvents(self._database)
        self._losses = 0

    @property
    def catalog(self) -> EmbeddedCatalog:
        """The metadata."""
        return self._catalog

    @property
    def events(self) -> EmbeddedEvents:
        """The events."""
        return self._events

    @property
    def samples(self) -> EmbeddedSamples:
        """The rows."""
        return self._samples

    @property
    def database(self) -> None:
        """None: there is no server."""
        return None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._database)
            await self._samples.recover()
            self._losses = await self._database.read(quarantine.count)
            stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._samples.commit()
        finally:
            try:
                await self._database.close()
            finally:
                self._samples.close()  # what the writer thread still had to do needs its threads

    async def usage(self) -> StoreUsage:
        """Give the path of the file, the bytes it takes with its write-ahead log, what was lost."""
        fault = LOST.format(self._losses) if self._losses else None
        return StoreUsage(str(self._database.path), self._database.size_bytes, fault)

    async def maintain(self) -> None:
        """Do a little: seal aged tails, remove what deleted streams left, give back room."""
        await self._samples.maintain()
        if self._recodes_cold:
            await self._samples.recode(await self._stream_refs())
        await self._events.maintain()
        await self._database.maintain()

    async def _stream_refs(self) -> list[StreamRef]:
        streams = (await self._catalog.load()).data_streams
        return [StreamRef(s.id, Layout(s.datatype, len(s.elements)), s.decimate) for s in streams]
