"""The folders a node works in: made when missing, held by one daemon at a time."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from joule.config.places import PID_FILE, socket_folder, sockets_fit
from joule.errors import ConfigurationError, JouleError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from joule.config.main_conf import Folders


def make_folders(folders: Folders, *, own: bool) -> None:
    """Make the folders that are missing; ``own`` says that all of them are in the data folder.

    The folders of a main file are the administrator's: of those only data and sockets are made.
    """
    _make(folders.data, "data folder", 0o700)
    if own:
        for folder in (folders.modules, folders.data_streams, folders.event_streams):
            _make(folder, "folder", 0o755)
    _make_sockets(folders.sockets)


def _make(folder: Path, what: str, mode: int) -> None:
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ConfigurationError(f"{what} [{folder}] is a file") from error
    except OSError as error:
        raise ConfigurationError(f"Cannot create {what} [{folder}]: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{what} [{folder}] is not writable")


def _make_sockets(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"SocketDirectory [{folder}] is a file")
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"Cannot create SocketDirectory at [{folder}]") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"SocketDirectory [{folder}] is not writable")


def with_usable_sockets(folders: Folders) -> Folders:
    """Give folders whose sockets have paths that the system can use.

    A short folder that takes the place of one that is too long belongs to this user alone.
    """
    sockets = socket_folder(folders)
    if sockets == folders.sockets:
        return folders
    if not sockets_fit(sockets):
        raise ConfigurationError(
            f"SocketDirectory [{folders.sockets}] is too long for a UNIX socket"
        )
    return replace(folders, sockets=_private(sockets))


def _private(folder: Path) -> Path:
    """Make a folder where anybody may make folders, and see that it is really ours."""
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise ConfigurationError(f"[{folder}] belongs to somebody else")
    return folder


class StartError(JouleError):
    """The daemon cannot start although its configuration is fine; the text says it all."""


class FolderLock:
    """The right to use a socket folder: a lock on its ``pid`` file, released however it ends.

    A pid that a killed daemon left behind does no harm: the lock decides, not the number. Sockets
    of an earlier daemon are removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = self._locked_file()
        remove_sockets(self._folder)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        return self

    def __exit__(self, *exc_info: object) -> None:
        remove_sockets(self._folder)
        (self._folder / PID_FILE).unlink(missing_ok=True)
        os.close(self._fd)

    def _locked_file(self) -> int:
        """Open the file and lock it; again when its last owner removed it meanwhile."""
        path = self._folder / PID_FILE
        while True:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            except OSError as error:
                raise StartError(f"Cannot write [{path}]: {error.strerror}") from error
            try:
                _lock(fd)
                if path.exists() and os.path.samestat(os.fstat(fd), path.stat()):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "?"
        raise StartError(f"jouled is already running with pid {pid}") from error


def remove_sockets(folder: Path) -> None:
    """Remove the sockets that a daemon left in a folder, and nothing else."""
    for path in folder.iterdir():
        if path.is_socket():
            path.unlink()
