"""A store file as it is at one moment, read-only, whoever else uses it meanwhile.

For copies and checks, by a process of their own beside a running node or without one. While a
snapshot is open the node goes on writing; its write-ahead log keeps what the snapshot needs.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import apsw

from joule.errors import StorageError
from joule.storage.embedded.database import refuse_foreign
from joule.storage.embedded.sqlite_errors import translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_TIMEOUT_MS: Final = 10_000


@contextmanager
def snapshot(path: Path) -> Iterator[apsw.Connection]:
    """Give a connection that sees one committed state of a store until the end.

    Raises ``StorageError`` when there is no such file, ``StorageFormatError`` when it is not a
    store or newer than this version, and turns SQLite's errors into ours.
    """
    if not path.is_file():
        raise StorageError(f"there is no store at {path}")
    with translated(path):
        # It never writes. But read-only connections would leave empty logs beside the file, and
        # could not use one that a killed node has left.
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            connection.pragma("query_only", True)
            connection.execute("BEGIN")
            refuse_foreign(connection, path)  # reading anything begins the snapshot
            yield connection
        finally:
            connection.close()
