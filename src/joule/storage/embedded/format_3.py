"""Format 3: checksums for what had none, and records of the tail that tell what they follow.

Its parts are done one after the other, each in bounded steps.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import apsw
import numpy as np

from joule.storage.codec import decode
from joule.storage.embedded import doomed, quarantine, tail_table
from joule.storage.embedded.event_sums import event_sums
from joule.storage.embedded.records import (
    CHECKSUM,
    COMPRESSED,
    DECIMATE,
    Entry,
    decode_record,
    stream_of,
)
from joule.storage.embedded.recovery import look, rewrite
from joule.storage.embedded.row_sums import blob_sum, number_sum
from joule.storage.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

Position: TypeAlias = "list[int] | None"

ROWS_PER_PART: Final = 20_000
BEFORE_ALL: Final = -(2**63)
COLUMNS: Final = {
    "chunk": "break_sum",
    "event": "sum",
    "event_total": "sum",
    "tail_floor": "sum",
}
OLD_ENTRY: Final = struct.Struct("<qBBHIII")


def add_columns(connection: apsw.Connection, _: Position) -> Position:
    """Add the columns and tables that are new; quick, however large the tables are."""
    connection.execute(doomed.SCHEMA + quarantine.SCHEMA + tail_table.SCHEMA)
    for table, column in COLUMNS.items():
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if known and column not in known:  # a store without events may be without the table
            connection.execute(
                f"ALTER TABLE {table} ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"
            )
    return None


def sum_breaks(connection: apsw.Connection, position: Position) -> Position:
    """Note the checksums of the breaks of some chunks."""
    stream, first = position or (BEFORE_ALL, BEFORE_ALL)
    rows: list[Any] = connection.execute(
        "SELECT stream, first, breaks FROM chunk WHERE (stream, first) > (?, ?) "
        "ORDER BY stream, first LIMIT ?",
        (stream, first, ROWS_PER_PART),
    ).fetchall()
    connection.executemany(
        "UPDATE chunk SET break_sum = ? WHERE stream = ? AND first = ?",
        [(blob_sum(breaks, *key), *key) for *key, breaks in rows],
    )
    return list(rows[-1][:2]) if len(rows) == ROWS_PER_PART else None


def sum_events(connection: apsw.Connection, position: Position) -> Position:
    """Note the checksums of some events, with the last of them those of the totals."""
    rows: list[Any] = connection.execute(
        'SELECT stream, start, id, "end", content FROM event '
        "WHERE (stream, start, id) > (?, ?, ?) ORDER BY stream, start, id LIMIT ?",
        (*(position or [BEFORE_ALL] * 3), ROWS_PER_PART),
    ).fetchall()
    streams, starts, ids, ends, contents = zip(*rows, strict=True) if rows else [()] * 5
    sums = event_sums(streams, starts, ids, ends, list(map(str.encode, contents)))
    connection.executemany(
        "UPDATE event SET sum = ? WHERE stream = ? AND start = ? AND id = ?",
        zip(sums, streams, starts, ids, strict=True),
    )
    if len(rows) == ROWS_PER_PART:
        return list(rows[-1][:3])
    _sum_rows(connection, "event_total", "stream, next_id, events, content_bytes")
    return None


def sum_marks(connection: apsw.Connection, _: Position) -> Position:
    """Note the checksums of the marks of deleted streams."""
    doomed.sum_marks(connection)
    return None


def sum_floors(connection: apsw.Connection, _: Position) -> Position:
    """Note the checksums of the floors; what is said of a damaged page follows with the tail."""
    try:
        _sum_rows(connection, tail_table.FLOOR, "stream, number")
    except apsw.CorruptError:
        _begin_again(connection)
    return None


def renew_tail(connection: apsw.Connection, _: Position) -> Position:
    """Write the records anew, as one; there are never so many that it needs parts."""
    found = look(connection, _decode_old)
    if found.unreadable:
        _begin_again(connection)
    rewrite(connection, found)
    return None


def _begin_again(connection: apsw.Connection) -> None:
    """Undo the transaction, in which SQLite allows no change once it has met a damaged page.

    Nothing was changed in it: parts like this are never the first one of a step.
    """
    connection.execute("ROLLBACK; BEGIN IMMEDIATE")


def _sum_rows(connection: apsw.Connection, table: str, columns: str) -> None:
    """Note the checksum of each row in the row; the first column is its key."""
    rows: list[Any] = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
    connection.executemany(
        f"UPDATE {table} SET sum = ? WHERE stream = ?",
        [(number_sum(*row), row[0]) for row in rows],
    )


def _decode_old(number: int, data: object) -> list[Entry]:
    """Give the rows of a record as format 2 wrote it.

    One that is of this format already is taken as well: a flipped bit in the format number must
    not make damage of what is good.
    """
    if isinstance(data, bytes) and data[:4] == CHECKSUM.pack(zlib.crc32(data[4:])):
        return list(_old_entries(memoryview(data)[4:]))
    return decode_record(number, data)


def _old_entries(body: memoryview) -> Iterator[Entry]:
    at = 0
    while at < len(body):
        stream, kind, flags, width, count, breaks, size = OLD_ENTRY.unpack_from(body, at)
        ref, dtype = stream_of(stream, kind, width, flags & DECIMATE)
        at += OLD_ENTRY.size + 4 * breaks
        indices = np.frombuffer(body, "<u4", breaks, at - 4 * breaks).astype(np.intp)
        if flags & COMPRESSED:
            rows = decode(body[at : at + size], dtype)
        else:
            rows = np.frombuffer(body, dtype, count, at)
        at += size
        yield Entry(ref, Stretch(rows, indices), None)
