"""Working files of exporters and importers: blocking steps in threads, and durable names."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from joule.errors import StorageError
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do a blocking step in a thread; who is cancelled meanwhile waits for its end."""
    return await completely(asyncio.to_thread(step, *args, **kwargs))


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there; raises ``StorageError``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder [{folder}]: {error.strerror}") from error


def numbered_paths(file: Path) -> Iterator[Path]:
    """Give the path, then the same with a number in it, 2 and up."""
    yield file
    for number in count(2):
        yield file.with_name(f"{file.stem}_{number}{file.suffix}")


def taken_paths(file: Path) -> Iterator[Path]:
    """Give those of the numbered paths that are files, up to the first that is free."""
    return takewhile(Path.exists, numbered_paths(file))


def free_path(file: Path) -> Path:
    """Give the path, or one with a number in it if it is taken."""
    return next(found for found in numbered_paths(file) if not found.exists())


def remove_all(files: Iterable[Path]) -> None:
    """Remove files; what cannot be removed stays, it does no harm."""
    for file in files:
        with suppress(OSError):
            file.unlink()


def sync(place: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    fd = os.open(place, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
