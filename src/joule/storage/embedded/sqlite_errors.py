"""What SQLite and the system say about a file and its device, as errors of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import apsw

from joule.errors import (
    StorageDamagedError,
    StorageError,
    StorageFormatError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FAULTS: Final[tuple[tuple[type[apsw.Error], type[StorageError], str], ...]] = (
    (apsw.FullError, StorageFullError, "no room left on the device that holds {path}"),
    (apsw.NotADBError, StorageFormatError, "{path} is not a Joule store"),
    (apsw.CorruptError, StorageDamagedError, "{path} is damaged: {error}"),
    (apsw.IOError, StorageError, "{path} cannot be read or written: {error}"),
    (apsw.CantOpenError, StorageError, "{path} cannot be opened: {error}"),
    (apsw.ReadOnlyError, StorageError, "{path} is read-only: {error}"),
    (apsw.PermissionsError, StorageError, "{path} cannot be accessed: {error}"),
    (apsw.BusyError, StorageError, "{path} is in use by another program: {error}"),
    (apsw.LockedError, StorageError, "{path} is in use by another program: {error}"),
    (apsw.ProtocolError, StorageError, "{path} is in use by another program: {error}"),
)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the file and the device into our errors; bugs pass."""
    try:
        yield
    except apsw.Error as error:
        for foreign, ours, text in _FAULTS:
            if isinstance(error, foreign):
                raise ours(text.format(path=path, error=error)) from error
        raise
    except MemoryError as error:  # numpy's and zstd's too
        raise StorageError(f"{path}: there is not enough memory to read or write it") from error
    except UnicodeDecodeError as error:  # a flipped byte has made text of something else
        raise StorageDamagedError(f"{path} is damaged: {error}") from error
