"""Where tail records lie in SQLite.

A record holds the rows of one group commit that are not in chunks yet, of all streams. Rows leave
the tail by being sealed into chunks or dropped; the floor of a stream says from which record on
its rows count, and records that hold nothing that counts are removed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import apsw

from joule.storage.embedded.row_sums import number_sum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TAIL: Final = "tail"
FLOOR: Final = "tail_floor"

SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS tail (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS tail_floor (
        stream INTEGER PRIMARY KEY, number INTEGER NOT NULL, sum INTEGER NOT NULL
    );
"""


class Floors(NamedTuple):
    """``numbers`` has the floor of each stream; ``damaged`` says which are not what they were."""

    numbers: dict[int, int]
    damaged: list[str]


class TailTable:
    """The tail records, seen through one connection and its current transaction.

    ``unreadable`` names the tables of which pages were found damaged while reading. SQLite refuses
    every change in a transaction that has met such a page: they have to be found before.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self.unreadable: set[str] = set()

    def records(self) -> Iterator[tuple[int, object]]:
        """Give the records with their numbers, oldest first; None for bytes that are gone."""
        # A blob whatever a flipped bit has made of its type.
        sql = "SELECT CAST(data AS BLOB) FROM tail WHERE number = ?"
        for number in self._numbers():
            data = None
            with self._damage_noted(TAIL):
                data = self._execute(sql, (number,)).get
            yield number, data

    def _numbers(self) -> list[int]:
        """Give the numbers that can be found: where a page is damaged, those from both ends."""
        found: set[int] = set()
        for order in ("ASC", "DESC"):
            with self._damage_noted(TAIL):
                rows = self._execute(f"SELECT number FROM tail ORDER BY number {order}")
                found.update(number for (number,) in rows)
                break
        return sorted(found)

    def floors(self) -> Floors:
        """Give the floors of the streams that have one."""
        numbers: dict[int, int] = {}
        damaged = ["the floors cannot be read"]
        with self._damage_noted(FLOOR):
            rows: list[Any] = self._execute("SELECT * FROM tail_floor").fetchall()
            numbers = {
                stream: number for stream, number, sum_ in rows if _is_whole(stream, number, sum_)
            }
            damaged = [
                f"the floor of data stream {stream} does not match its checksum"
                for stream, *_ in rows
                if stream not in numbers
            ]
        return Floors(numbers, damaged)

    @contextmanager
    def _damage_noted(self, table: str) -> Iterator[None]:
        try:
            yield
        except apsw.CorruptError:
            self.unreadable.add(table)

    def put(self, number: int, data: bytes) -> None:
        """Add a record."""
        self._execute("INSERT INTO tail VALUES (?, ?)", (number, data))

    def set_floor(self, stream: int, number: int) -> None:
        """Let no row of a stream count that is in a record before ``number``."""
        floor = (stream, number, number_sum(stream, number))
        self._execute("INSERT OR REPLACE INTO tail_floor VALUES (?, ?, ?)", floor)

    def remove_before(self, number: int) -> None:
        """Remove the records before ``number`` and the floors that have no more effect."""
        self._execute("DELETE FROM tail WHERE number < ?", (number,))
        self._execute("DELETE FROM tail_floor WHERE number <= ?", (number,))

    def start_afresh(self, unreadable: Collection[str]) -> None:
        """Remove all records and floors; a table that is unreadable is kept under another name."""
        for table in (TAIL, FLOOR):
            if table in unreadable:
                self._keep_aside(table)
            else:
                self._execute(f"DELETE FROM {table}")
        self._execute(SCHEMA)

    def _keep_aside(self, table: str) -> None:
        taken = f"SELECT count(*) FROM sqlite_schema WHERE name GLOB 'damaged_{table}_*'"
        number = self._execute(taken).get + 1
        self._execute(f"ALTER TABLE {table} RENAME TO damaged_{table}_{number}")


def _is_whole(stream: int, number: object, checksum: object) -> bool:
    return isinstance(number, int) and checksum == number_sum(stream, number)
