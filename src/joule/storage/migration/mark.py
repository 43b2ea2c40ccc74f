"""The mark of a migration in its destination: where it comes from, and whether it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from joule.errors import StorageError
from joule.storage.interfaces import CatalogSnapshot

if TYPE_CHECKING:
    from joule.storage.interfaces import CatalogStore

PROPERTY: Final = "migration"


async def begin(source: CatalogStore, target: CatalogStore) -> bool:
    """Mark the destination, and tell whether the migration was complete before.

    Raises ``StorageError`` when the source has no node, or the destination another one.
    """
    uuid = await source.get_property("uuid")
    if uuid is None or not (await source.load()).folders:
        raise StorageError("there is no node in the source")
    await check_complete(source)
    mark: dict[str, Any] | None = await target.get_property(PROPERTY)
    if mark is None:
        if not _is_new(await target.load()):
            raise StorageError("the destination is not empty, it has a node of its own")
        await target.set_property(PROPERTY, {"from": uuid, "complete": False})
        return False
    if mark["from"] != uuid:
        raise StorageError("the destination has what was moved from another node")
    return bool(mark["complete"])


async def complete(target: CatalogStore) -> None:
    """Note in the destination that everything is there and was compared."""
    mark = await target.get_property(PROPERTY)
    await target.set_property(PROPERTY, {**mark, "complete": True})


async def check_complete(catalog: CatalogStore) -> None:
    """Raise ``StorageError`` for a store that a migration was begun into and not completed."""
    mark = await catalog.get_property(PROPERTY)
    if mark is not None and not mark["complete"]:
        raise StorageError(
            "a migration into this store is not complete, run joule admin migrate again"
        )


def _is_new(catalog: CatalogSnapshot) -> bool:
    """Tell whether there is nothing but the root folder that a node makes on its first start."""
    roots = tuple(folder for folder in catalog.folders if folder.parent_id is None)
    return len(roots) <= 1 and catalog == CatalogSnapshot(folders=roots)
