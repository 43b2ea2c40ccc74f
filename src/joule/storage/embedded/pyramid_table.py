"""Where the stored groups of chunks lie in SQLite: bytes for each chunk and level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.embedded.pyramid import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS pyramid (
        stream INTEGER NOT NULL,
        level INTEGER NOT NULL,
        first INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (stream, level, first)
    ) WITHOUT ROWID;
"""
_LEVELS: Final = ", ".join(map(str, LEVELS))


class PyramidTable:
    """The groups of all chunks, seen through one connection and its current transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute = connection.execute

    def level(self, stream: int, level: int, first: int, last: int) -> dict[int, bytes]:
        """Give one level of the chunks that begin in ``[first, last]``, by their first."""
        return dict(
            self._execute(
                "SELECT first, data FROM pyramid "
                "WHERE stream = ? AND level = ? AND first BETWEEN ? AND ?",
                (stream, level, first, last),
            )
        )

    def put(self, stream: int, first: int, pyramid: Iterable[tuple[int, bytes]]) -> int:
        """Add the levels of a chunk and give their size."""
        size = 0
        for level, data in pyramid:
            self._execute("INSERT INTO pyramid VALUES (?, ?, ?, ?)", (stream, level, first, data))
            size += len(data)
        return size

    def remove(self, stream: int, first: int, last: int) -> None:
        """Remove all levels of the chunks that begin in ``[first, last]``."""
        self._execute(
            f"DELETE FROM pyramid WHERE stream = ? AND level IN ({_LEVELS}) "
            "AND first BETWEEN ? AND ?",
            (stream, first, last),
        )
