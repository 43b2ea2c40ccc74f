"""Ids in stock: a transaction per id would make creating many streams slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joule.storage.interfaces import CatalogStore, Kind

STOCK = 32
"""Ids fetched at once; those left over when the node ends are never used."""


class IdStock:
    """Gives ids that the store has never given to anybody else. One task at a time may ask."""

    def __init__(self, store: CatalogStore) -> None:
        self._store = store
        self._ids: dict[Kind, list[int]] = {}

    async def take(self, kind: Kind, count: int = 1) -> list[int]:
        """Give ``count`` ids in increasing order."""
        stock = self._ids.setdefault(kind, [])
        if len(stock) < count:
            stock += await self._store.allocate(kind, max(STOCK, count - len(stock)))
        taken = stock[:count]
        del stock[:count]
        return taken
