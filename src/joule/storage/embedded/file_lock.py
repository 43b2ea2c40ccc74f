"""One process at a time: the lock beside the store."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from joule.errors import StorageError, StorageInUseError
from joule.storage.embedded.private_file import open_private

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """The right to use a file, held by one process; given up by the system when that ends.

    The lock is on a file of its own beside the store: closing any descriptor of the store would
    drop the locks that SQLite holds on it. Child processes do not inherit the descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._store = path
        self._path = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise ``StorageInUseError`` at once."""
        try:
            descriptor = open_private(self._path)
        except OSError as error:
            raise StorageError(f"{self._store} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise StorageInUseError(f"{self._store} is in use by another process") from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock up; the file stays, since removing it would let two processes in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
