"""The metadata of a node in the embedded engine's file.

The node reads this once, when it starts; from then on it only writes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from joule.storage.embedded import catalog_tables
from joule.storage.embedded.row_sums import put_sums

if TYPE_CHECKING:
    import apsw

    from joule.storage.embedded.database import Database
    from joule.storage.interfaces import CatalogChanges, CatalogSnapshot, Kind

_ALLOCATE = """
INSERT INTO id_sequence VALUES (?1, 1 + ?2)
ON CONFLICT DO UPDATE SET next_id = next_id + ?2 RETURNING next_id
"""


class EmbeddedCatalog:
    """A ``CatalogStore`` in the embedded engine's file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> CatalogSnapshot:
        return await self._database.read(catalog_tables.load)

    async def allocate(self, kind: Kind, count: int = 1) -> range:
        def work(connection: apsw.Connection) -> range:
            ((end,),) = connection.execute(_ALLOCATE, (kind.value, count))
            put_sums(connection, "id_sequence", [(kind.value, (kind.value, end))])
            return range(end - count, end)

        return await self._database.write(work)

    async def apply(self, changes: CatalogChanges) -> None:
        await self._database.write(lambda connection: catalog_tables.apply(connection, changes))

    async def get_property(self, name: str) -> Any:
        def work(connection: apsw.Connection) -> Any:
            sql = "SELECT value FROM property WHERE name = ?"
            row = connection.execute(sql, (name,)).fetchone()
            return None if row is None else json.loads(row[0])

        return await self._database.read(work)

    async def set_property(self, name: str, value: Any) -> None:
        row = (name, json.dumps(value))

        def work(connection: apsw.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO property VALUES (?, ?)", row)
            put_sums(connection, "property", [(name, row)])

        await self._database.write(work)

    async def properties(self) -> dict[str, Any]:
        def work(connection: apsw.Connection) -> dict[str, Any]:
            rows = connection.execute("SELECT name, value FROM property ORDER BY name")
            return {name: json.loads(value) for name, value in rows}

        return await self._database.read(work)
