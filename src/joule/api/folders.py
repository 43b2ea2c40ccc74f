"""Folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api import targets
from joule.api.answers import understood
from joule.api.part import NodePart
from joule.models.folders import Folder
from joule.wire.json_models import folder_from_json, folder_to_json
from joule.wire.routes import Route

if TYPE_CHECKING:
    from joule.api.targets import FolderSpec


class FolderActions(NodePart):
    """Folder methods of a node."""

    async def folder_root(self) -> Folder:
        """Get the root folder with everything below it."""
        return understood(folder_from_json, await self.session.get(Route.FOLDERS))

    async def folder_get(self, folder: FolderSpec) -> Folder:
        """Get a folder with everything below it.

        Raises ``NotFoundError`` (``folder does not exist``).
        """
        answer = await self.session.get(Route.FOLDER, targets.folder(folder))
        return understood(folder_from_json, answer)

    async def folder_move(self, source: FolderSpec, destination: FolderSpec) -> None:
        """Move a folder into another one, which is created if it is a path that does not exist.

        Raises ``LockedError`` when something in the folder is in use or configured by a file, and
        ``ConflictError`` when the destination has a folder of that name.
        """
        body = targets.folder(source, "src_", "source")
        body |= targets.folder(destination, "dest_", "destination")
        await self.session.put(Route.FOLDER_MOVE, body)

    async def folder_update(self, folder: Folder) -> None:
        """Save the name and the description of a folder.

        Raises ``LockedError``, or ``ConflictError`` when a folder beside it has that name.
        """
        targets.instance(folder, Folder, "folder")
        await self.session.put(Route.FOLDER, {"id": folder.id, "folder": folder_to_json(folder)})

    async def folder_delete(self, folder: FolderSpec, recursive: bool = False) -> None:
        """Delete a folder and the streams in it with their data.

        ``recursive`` allows that it has folders in it, which are deleted too. Raises
        ``LockedError`` when something in it is in use or configured by a file.
        """
        params = targets.folder(folder) | {"recursive": int(recursive)}
        await self.session.delete(Route.FOLDER, params)
