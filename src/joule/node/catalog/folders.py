"""Changing, moving and deleting folders; they are created where something is put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.errors import ConfigurationError, ConflictError, InvalidRequestError, LockedError
from joule.node.catalog.edits import checked_description, checked_name
from joule.node.catalog.streams import StreamChanges
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.models.folders import Folder

NAME_TAKEN = "a folder with this name is in the destination folder"


class FolderChanges(StreamChanges):
    """The part of the catalog that changes folders."""

    async def update_folder(self, folder_id: int, changes: Mapping[str, Any]) -> Folder:
        """Apply the JSON attributes name and description; others are ignored."""
        async with self._change() as draft:
            folder = self._unlocked_folder(folder_id)
            name, description = _edited(folder, changes)
            parent = self._tree.parent(folder)
            assert parent is not None, "the root is locked"
            if self._tree.folder_named(parent, name) not in (None, folder):
                raise ConflictError(NAME_TAKEN)
            draft.rename_folder(folder, name, description)
        return self.folder(folder_id)

    async def move_folder(self, source: str | int, destination: str | int) -> Folder:
        """Put a folder with all it holds into another folder."""
        async with self._change() as draft:
            folder = self._unlocked_folder(source)
            place = self._place(destination)
            if not place.missing and self._tree.folder_named(place.folder, folder.name):
                raise ConflictError(NAME_TAKEN)
            if folder in self._tree.chain(place.folder):
                raise InvalidRequestError("cannot place a parent in a child folder")
            self._check_depth(place, self._tree.height(folder))
            draft.touch(folder)
            parent = await self._make_folders(place, draft)
            draft.then(lambda: self._tree.take_folder(folder))
            draft.add_folder(folder, parent)
        return self.folder(folder.id)

    async def delete_folder(self, spec: str | int, recursive: bool = False) -> None:
        """Delete a folder with its streams and all they hold; subfolders only if ``recursive``."""
        async with self._change() as draft:
            folder = self._unlocked_folder(spec)
            if folder.children and not recursive:
                raise InvalidRequestError("specify [recursive] or remove child folders first")
            below = list(self._tree.below(folder))
            data_ids = [stream.id for inner in below for stream in inner.data_streams]
            event_ids = [stream.id for inner in below for stream in inner.event_streams]
            parent = self._tree.parent(folder)
            assert parent is not None, "the root is locked"
            draft.touch(parent)
            self._delete_records(data_ids, event_ids, draft)
            draft.delete(Kind.FOLDER, [inner.id for inner in reversed(below)])
            draft.then(lambda: self._tree.forget_folder(folder))
        await self._drop(data_ids, event_ids)

    def _unlocked_folder(self, spec: str | int) -> Folder:
        folder = self.folder(spec)
        if folder.locked:
            raise LockedError("folder is locked")
        return folder


def _edited(folder: Folder, changes: Mapping[str, Any]) -> tuple[str, str | None]:
    if not isinstance(changes, dict):
        raise InvalidRequestError("error: [folder] attribute must be JSON")
    try:
        name = checked_name(changes.get("name", folder.name))
        return name, checked_description(changes.get("description", folder.description))
    except ConfigurationError as error:
        raise InvalidRequestError(f"error: {error}") from error
