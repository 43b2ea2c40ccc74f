"""Rows and bytes of all chunks of a stream, kept up to date with them: asked for all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import apsw

SCHEMA: Final = """
    -- Rows and bytes of all chunks of a stream, kept up to date with them.
    CREATE TABLE IF NOT EXISTS chunk_total (
        stream INTEGER PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL
    );
"""


class Totals(NamedTuple):
    """Sums over chunks; ``first`` and ``last`` are None when there are none."""

    rows: int
    first: int | None
    last: int | None
    bytes: int


NO_CHUNKS: Final = Totals(0, None, None, 0)
_FIND: Final = """
    SELECT t.rows, (SELECT min(first) FROM chunk WHERE stream = ?1),
        (SELECT last FROM chunk WHERE stream = ?1 ORDER BY first DESC LIMIT 1), t.bytes
    FROM chunk_total t WHERE t.stream = ?1
"""
_ADD: Final = """
    INSERT INTO chunk_total VALUES (?, ?, ?) ON CONFLICT DO UPDATE
    SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes
"""


class TotalTable:
    """The sums of all streams, seen through one connection and its current transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute = connection.execute

    def of(self, stream: int) -> Totals:
        """Give the sums of a stream, however many chunks it has, in the same time."""
        row = self._execute(_FIND, (stream,)).fetchone()
        return NO_CHUNKS if row is None else Totals._make(row)

    def add(self, stream: int, rows: int, size: int) -> None:
        """Note that chunks have so many more rows and bytes, or fewer; without rows, none left."""
        self._execute(_ADD, (stream, rows, size))
        if rows <= 0:
            self._execute("DELETE FROM chunk_total WHERE stream = ? AND rows = 0", (stream,))

    def forget_pyramids(self, stream: int) -> None:
        """Note that no chunk of a stream has groups any more."""
        self._execute(
            "UPDATE chunk_total SET bytes = "
            "(SELECT sum(data_bytes) FROM chunk WHERE stream = ?1) WHERE stream = ?1",
            (stream,),
        )
