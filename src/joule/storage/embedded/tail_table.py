"""Where tail records lie in SQLite.

A record holds the rows of one group commit that are not in chunks yet, of all streams. Rows leave
the tail by being sealed into chunks or dropped; the floor of a stream says from which record on
its rows count, and records that hold nothing that counts are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import apsw

SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS tail (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS tail_floor (stream INTEGER PRIMARY KEY, number INTEGER NOT NULL);
"""


class TailTable:
    """The tail records, seen through one connection and its current transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def records(self) -> list[tuple[int, bytes]]:
        """Give the records with their numbers, oldest first."""
        return list(self._execute("SELECT number, data FROM tail ORDER BY number"))

    def floors(self) -> dict[int, int]:
        """Give the number of the first record whose rows count, for streams that have a floor."""
        return dict(self._execute("SELECT stream, number FROM tail_floor"))

    def put(self, number: int, data: bytes) -> None:
        """Add a record."""
        self._execute("INSERT INTO tail VALUES (?, ?)", (number, data))

    def set_floor(self, stream: int, number: int) -> None:
        """Let no row of a stream count that is in a record before ``number``."""
        self._execute("INSERT OR REPLACE INTO tail_floor VALUES (?, ?)", (stream, number))

    def remove_before(self, number: int) -> None:
        """Remove the records before ``number`` and the floors that have no more effect."""
        self._execute("DELETE FROM tail WHERE number < ?", (number,))
        self._execute("DELETE FROM tail_floor WHERE number <= ?", (number,))

    def remove_from(self, number: int) -> None:
        """Remove the record ``number`` and all later ones."""
        self._execute("DELETE FROM tail WHERE number >= ?", (number,))
