"""The users file of a Joule 1.0 installation, followed for as long as the node runs.

Lines are applied in order whenever the file has changed. Removing a line removes nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from joule.config.folder import read_text
from joule.config.users_file import KEY_LENGTH_MIN, AddUser, user_changes
from joule.errors import ConfigurationError, JouleError
from joule.node.access import ADMIN, USER

if TYPE_CHECKING:
    from pathlib import Path

    from joule.config.users_file import DeleteUsers
    from joule.node import Access
    from joule.node.clock import Clock

log = logging.getLogger(__name__)

POLL_S = 2.0


class UsersFile:
    """Keeps the masters of a node as its users file says.

    The file is looked at every two seconds, since it may lie on a network share or be written by
    a program that replaces it; neither can be watched. While it is absent nothing changes.
    """

    def __init__(self, file: Path, access: Access, clock: Clock) -> None:
        self._file = file
        self._access = access
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None

    async def run(self) -> None:
        """Apply the file now and whenever it has changed, until cancelled."""
        while True:
            await self._look()
            await self._clock.sleep(POLL_S)

    async def _look(self) -> None:
        state = await asyncio.to_thread(_state, self._file)
        if state == self._seen:
            return
        if state is None:
            log.warning("UsersFile [%s] does not exist", self._file)
        self._seen = state
        if state is not None:
            await self._read()

    async def _read(self) -> None:
        try:
            text = await asyncio.to_thread(read_text, self._file)
        except ConfigurationError as error:
            log.error("UsersFile: %s", error)  # noqa: TRY400 - the file's fault
            return
        changes, faults = user_changes(text)
        for fault in faults:
            log.error("UsersFile [%s] %s", self._file, fault)
        for change in changes:
            await self._apply(change)

    async def _apply(self, change: AddUser | DeleteUsers) -> None:
        try:
            if isinstance(change, AddUser):
                await self._add(change)
            else:
                await self._delete(change)
        except JouleError as error:
            log.error("UsersFile [%s]: %s", self._file, error)  # noqa: TRY400 - the file's fault

    async def _add(self, user: AddUser) -> None:
        owner = self._access.authorise(user.key)
        if owner is not None and owner.name == user.name:
            return
        known = [m for m in self._access.list() if (m.name, m.type) == (user.name, USER)]
        await self._access.add_user(
            user.name,
            user.key,
            replace=True,
            scope=known[0].scope if known else ADMIN,
            key_length_min=KEY_LENGTH_MIN,
        )
        log.info("UsersFile: %s user [%s]", "new key for" if known else "added", user.name)

    async def _delete(self, users: DeleteUsers) -> None:
        doomed = [master for master in self._access.list() if users.matches(master.name)]
        for master in doomed:
            await self._access.remove(master.name, master.type)
            log.info("UsersFile: removed [%s]", master.name)


def _state(file: Path) -> tuple[int, int, int] | None:
    """Give what changes with a file's contents (blocking), None when there is none."""
    try:
        state = os.stat(file)
    except OSError:
        return None
    return state.st_mtime_ns, state.st_ino, state.st_size
