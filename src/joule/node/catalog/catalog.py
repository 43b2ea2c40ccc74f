"""The catalog of a node: folders, data streams and event streams, and the rules for changing them.

Lookups are plain calls on what is in memory. Changes are made one at a time: checked, stored in
one transaction, then done in memory. The objects it gives out are the ones in memory, so that
``is_source`` and ``is_destination`` set on them show everywhere; nothing else of them may be
changed from outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.folders import ROOT_NAME, Folder
from joule.node.catalog.configuration import Configuration
from joule.node.catalog.flat import FlatRecords
from joule.node.catalog.records import moment, tree_from
from joule.node.catalog.tree import Tree
from joule.storage.interfaces import CatalogChanges, FolderRecord, Kind

if TYPE_CHECKING:
    from typing import Self

    from joule.node.catalog.core import Dropper
    from joule.node.clock import Clock
    from joule.storage.interfaces import CatalogStore


class Catalog(Configuration):
    """See the module. ``spec`` is a path or an id, ``destination`` likewise for a folder.

    Lookups raise ``NotFoundError`` or ``StreamNotFound``. Changes raise ``LockedError``,
    ``ConflictError`` and ``InvalidRequestError`` with the documented texts and then change nothing.
    """

    @classmethod
    async def open(cls, store: CatalogStore, clock: Clock, drop: Dropper) -> Self:
        """Load a catalog; a new one gets its root folder."""
        snapshot = await store.load()
        tree = tree_from(snapshot)
        if tree is None:
            tree = Tree(await _create_root(store, clock.now_us()))
        return cls(store, tree, FlatRecords(store, snapshot), clock, drop)


async def _create_root(store: CatalogStore, now_us: int) -> Folder:
    root = Folder(ROOT_NAME, locked=True, updated_at=moment(now_us))
    root.id = (await store.allocate(Kind.FOLDER))[0]
    record = FolderRecord(root.id, root.name, None, None, now_us)
    await store.apply(CatalogChanges(put=[record]))
    return root
