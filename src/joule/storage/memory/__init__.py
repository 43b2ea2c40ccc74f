"""The reference engine: everything in dictionaries and arrays of this process, nothing on disk.

It is as simple as the protocols allow, so that it can be read as their definition, and serves
tests of the rooms above. It forgets everything when the process ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.storage.interfaces import StoreUsage
from joule.storage.memory.catalog import MemoryCatalog
from joule.storage.memory.events import MemoryEvents
from joule.storage.memory.samples import MemorySamples

if TYPE_CHECKING:
    from typing import Self

__all__ = ["MemoryEngine"]


class MemoryEngine:
    """Catalog, events and samples in memory; may be entered again and then has kept its data."""

    def __init__(self) -> None:
        self._catalog = MemoryCatalog()
        self._events = MemoryEvents()
        self._samples = MemorySamples()

    @property
    def catalog(self) -> MemoryCatalog:
        """The metadata."""
        return self._catalog

    @property
    def events(self) -> MemoryEvents:
        """The events."""
        return self._events

    @property
    def samples(self) -> MemorySamples:
        """The rows."""
        return self._samples

    @property
    def database(self) -> None:
        """None: there is no server."""
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._samples.commit()

    async def usage(self) -> StoreUsage:
        """Give the bytes that rows and events take; there is no path."""
        return StoreUsage("memory:", self._samples.size_bytes + self._events.size_bytes)

    async def maintain(self) -> None:
        """Do nothing: there is nothing to seal or to give back."""
