"""Rows for several tables in one message, each table by a binary COPY, in bounded memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.storage.postgres.connection.borrowing import exchange
from joule.storage.postgres.connection.copy_format import HEADER, TRAILER, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import asyncpg

    from joule.models.layout import Rows

PIECE_BYTES: Final = 256 * 1024
"""So many bytes of rows are brought into the format at once: less than a millisecond's work."""

_HEAD: Final = struct.Struct("!cI")
_DONE: Final = b"c\0\0\0\x04"
_ANSWER_BYTES: Final = 4096


class TableRows(NamedTuple):
    """Rows for a table, which is named with its schema."""

    table: str
    rows: Rows


async def tell(connection: asyncpg.Connection, tables: Sequence[TableRows]) -> None:
    """Add rows to tables, one table after the other, in one round trip.

    Raises what the driver would raise; then no row is added, and a transaction can only be undone.
    """
    script = "; ".join(f"COPY {one.table} FROM STDIN (FORMAT binary)" for one in tables)
    # Data that comes behind an error the server takes no notice of.
    await exchange(connection, script, _messages(one.rows for one in tables), _ANSWER_BYTES)


def _messages(tables: Iterable[Rows]) -> Iterator[bytes]:
    for rows in tables:
        for piece in _pieces(rows):
            yield _HEAD.pack(b"d", _HEAD.size - 1 + len(piece)) + piece
        yield _DONE


def _pieces(rows: Rows) -> Iterator[bytes]:
    step = max(PIECE_BYTES // rows.itemsize, 1)
    yield HEADER
    for start in range(0, len(rows), step):
        yield encode(rows[start : start + step])
    yield TRAILER
