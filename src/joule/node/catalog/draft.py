"""A change of the catalog in the making: what the store gets, and what then happens in memory.

Nothing in memory changes before the store has everything, so a change that fails leaves no trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.node.catalog.records import moment, stream_record
from joule.storage.interfaces import CatalogChanges, FolderRecord, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from joule.models.folders import Folder
    from joule.models.streams import Stream
    from joule.node.catalog.tree import Tree
    from joule.storage.interfaces import Record


class Draft:
    """Collects records and effects; every object it names gets ``stamp_us`` as ``updated_at``."""

    def __init__(self, tree: Tree, stamp_us: int) -> None:
        self._tree = tree
        self._stamp_us = stamp_us
        self._stamp = moment(stamp_us)
        self._touched: dict[int, Folder] = {}
        self._parents: dict[int, int | None] = {}
        self._names: dict[int, tuple[str, str | None]] = {}
        self._streams: list[Record] = []
        self._deleted: list[tuple[Kind, int]] = []
        self._effects: list[Callable[[], None]] = []

    def touch(self, folder: Folder) -> None:
        """Stamp a folder and all its ancestors."""
        for here in self._tree.chain(folder):
            self._touched[here.id] = here

    def then(self, effect: Callable[[], None]) -> None:
        """Do this in memory afterwards."""
        self._effects.append(effect)

    def add_folder(self, folder: Folder, parent: Folder) -> None:
        """Create a folder, or move one, below ``parent`` (which is touched by the caller)."""
        self._touched[folder.id] = folder
        self._parents[folder.id] = parent.id
        self.then(lambda: self._tree.add_folder(folder, parent))

    def rename_folder(self, folder: Folder, name: str, description: str | None) -> None:
        """Give a folder a name and a description."""
        self.touch(folder)
        self._names[folder.id] = name, description
        self.then(lambda: _rename_folder(self._tree, folder, name, description))

    def put_stream(self, stream: Stream, folder: Folder) -> None:
        """Store the stream as it shall be, in ``folder``; stamps the folders above it."""
        self.touch(folder)
        self._streams.append(stream_record(stream, folder.id, self._stamp_us))

    def stamp(self, stream: Stream) -> None:
        """Set ``updated_at`` of a stream that was put."""
        self.then(lambda: setattr(stream, "updated_at", self._stamp))

    def delete(self, kind: Kind, ids: Iterable[int]) -> None:
        """Delete records."""
        self._deleted.extend((kind, id_) for id_ in ids)

    def changes(self) -> CatalogChanges:
        """Give everything for the store."""
        folders = [self._folder_record(folder) for folder in self._touched.values()]
        return CatalogChanges(put=[*folders, *self._streams], delete=self._deleted)

    def take_effect(self) -> None:
        """Change memory: the store has it."""
        for effect in self._effects:
            effect()
        for folder in self._touched.values():
            folder.updated_at = self._stamp

    def _folder_record(self, folder: Folder) -> FolderRecord:
        name, description = self._names.get(folder.id, (folder.name, folder.description))
        return FolderRecord(
            id=folder.id,
            name=name,
            description=description,
            parent_id=self._parent_id(folder),
            updated_at_us=self._stamp_us,
        )

    def _parent_id(self, folder: Folder) -> int | None:
        if folder.id in self._parents:
            return self._parents[folder.id]
        parent = self._tree.parent(folder)
        return None if parent is None else parent.id


def _rename_folder(tree: Tree, folder: Folder, name: str, description: str | None) -> None:
    if name != folder.name:
        tree.rename_folder(folder, name)
    folder.description = description
