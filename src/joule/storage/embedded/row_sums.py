"""Checksums of small tables, whose rows SQLite keeps without any.

The sum of a row lies in a table of its own, under the row's table and key, and is written in the
same transaction. ``joule admin check`` compares them; nothing else needs them.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

Key: TypeAlias = Any
"""Number or text: what SQLite gives back for a key."""

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS row_sum (
    "table" TEXT NOT NULL, key ANY NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY ("table", key)
) STRICT, WITHOUT ROWID;
"""


def number_sum(*numbers: int) -> int:
    """Give the checksum of a row of numbers alone, which is kept in the row: it changes often."""
    return zlib.crc32(struct.pack(f"<{len(numbers)}q", *numbers))


def blob_sum(blob: bytes | None, *numbers: int) -> int:
    """Give the checksum of a blob, perhaps NULL, that lies in the row with these numbers."""
    return zlib.crc32(blob or b"", number_sum(*numbers))


def row_sum(table: str, values: Sequence[Any]) -> int:
    """Give the checksum of a row: CRC-32 of a JSON text of its table and its values."""
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    return zlib.crc32(json.dumps([table, *plain]).encode())


def put_sums(
    connection: apsw.Connection, table: str, rows: Iterable[tuple[Key, Sequence[Any]]]
) -> None:
    """Note the checksums of rows, given with their keys."""
    sums = [(table, key, row_sum(table, values)) for key, values in rows]
    connection.executemany("INSERT OR REPLACE INTO row_sum VALUES (?, ?, ?)", sums)


def remove_sums(connection: apsw.Connection, table: str, keys: Iterable[Key]) -> None:
    """Forget the checksums of rows that are gone."""
    gone = [(table, key) for key in keys]
    connection.executemany('DELETE FROM row_sum WHERE "table" = ? AND key = ?', gone)


def load_sums(connection: apsw.Connection) -> dict[tuple[str, Key], int]:
    """Give all checksums by table and key."""
    return {
        (table, key): value
        for table, key, value in connection.execute('SELECT "table", key, sum FROM row_sum')
    }
