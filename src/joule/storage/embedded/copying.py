"""Whole stores as files: a copy of one in use, and another one put in its place.

A copy is taken from one snapshot, so it holds all that was committed when it began and nothing
that came later, however long it takes and however much is written meanwhile. It is one file with
everything in it, that needs no log beside it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import apsw

from joule.errors import StorageError, StorageFullError
from joule.storage.embedded.file_lock import FileLock
from joule.storage.embedded.snapshot import snapshot
from joule.storage.embedded.sqlite_errors import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Progress = Callable[[int, int], None]

COPIED_PAGES: Final = 1024
_LOG_SUFFIXES: Final = ("-wal", "-shm")


def copy_store(
    source: Path,
    target: Path,
    progress: Progress = lambda _done, _all: None,
    *,
    vfs: str | None = None,
) -> None:
    """Copy a store, used by a node or not, to a file, readable by its owner only.

    ``target`` is replaced; it is complete and on the device on return, and as it was when this
    raises: ``StorageFullError`` when there is no room, other ``StorageError`` likewise.
    ``progress`` is called with the bytes done and the bytes of the whole. ``vfs`` names an SQLite
    file layer for the copy, for tests that make writes fail.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise StorageError(f"{target} is the store itself")
    part = target.with_name(f".{target.name}.part")
    with snapshot(source) as connection, _removed_unless_done(part):
        _check_room(connection, target)
        with translated(part):
            _copy_pages(connection, part, progress, vfs)
        with _device_errors(target):
            sync(part)
            part.replace(target)
            sync(target.parent)


def replace_store(store: Path, new: Path) -> Path | None:
    """Put the store ``new``, complete and in the same folder, in the place of ``store``.

    What was there is kept aside; gives its path, None when there was nothing. The caller holds
    the store. A crash leaves the old one or the new one in place, never a mixture.
    """
    with _device_errors(store):
        aside = _keep_aside(store) if store.exists() else None
        # A log belongs to its file: beside another one it would be taken for that one's.
        for suffix in _LOG_SUFFIXES:
            _beside(store, suffix).unlink(missing_ok=True)
        sync(store.parent)
        new.replace(store)
        sync(store.parent)
    return aside


@contextmanager
def held(store: Path) -> Iterator[None]:
    """Keep everybody else from opening a store; ``StorageInUseError`` when somebody has."""
    lock = FileLock(store)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def sync(path: Path) -> None:
    """Bring a file or a folder to the device."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_pages(
    connection: apsw.Connection, part: Path, progress: Progress, vfs: str | None
) -> None:
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    copy = apsw.Connection(str(part), vfs=vfs)
    try:
        copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").fetchall()
        page_bytes = connection.pragma("page_size")
        with copy.backup("main", connection, "main") as backup:
            while not backup.done:
                backup.step(COPIED_PAGES)
                done = backup.page_count - backup.remaining
                progress(done * page_bytes, backup.page_count * page_bytes)
        copy.pragma("journal_mode", "DELETE")
    finally:
        copy.close()


def _check_room(connection: apsw.Connection, target: Path) -> None:
    needed = connection.pragma("page_count") * connection.pragma("page_size")
    with _device_errors(target):
        free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise StorageFullError(
            f"{target} needs {needed} bytes, {target.parent} has room for {free}"
        )


def _keep_aside(store: Path) -> Path:
    mark = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    aside = store.with_name(f"{store.name}.before-{mark}")
    number = 1
    while aside.exists():
        number += 1
        aside = store.with_name(f"{store.name}.before-{mark}-{number}")
    log, kept_log = _beside(store, "-wal"), _beside(aside, "-wal")
    # First of all: SQLite removes the log of a file that it takes for none of its own.
    if log.exists() and _link(log, kept_log) and _empty_log(store):
        kept_log.unlink()
    _link(store, aside)
    return aside


def _empty_log(store: Path) -> bool:
    """Bring what is in the log into the file; whether SQLite could still do that."""
    try:
        with snapshot(store) as connection:
            connection.execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except StorageError:
        return False
    return not _beside(store, "-wal").exists()


def _link(path: Path, name: Path) -> bool:
    """Give a file another name and keep the one it has; False where that cannot be: it moved."""
    try:
        name.hardlink_to(path)
    except OSError:
        path.rename(name)
        return False
    return True


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def _removed_unless_done(part: Path) -> Iterator[None]:
    files = [part, *(_beside(part, suffix) for suffix in (*_LOG_SUFFIXES, "-journal"))]
    with _device_errors(part):
        _remove(files)
    try:
        yield
    finally:
        _remove(files)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


@contextmanager
def _device_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
