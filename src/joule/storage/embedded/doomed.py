"""Streams that are gone from the catalog and whose rows or events are still to be removed.

A stream is deleted in two steps: first its record, then what is stored for it. The first step
leaves a mark here, the second takes it away, so a crash between them leaves nothing for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from joule.storage.embedded import row_sums
from joule.storage.embedded.row_sums import put_sums, remove_sums
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

_OWN_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS doomed (
    kind TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
"""
SCHEMA: Final = _OWN_SCHEMA + row_sums.SCHEMA

TABLE: Final = "doomed"
STREAM_KINDS: Final = (Kind.DATA_STREAM, Kind.EVENT_STREAM)


def sum_key(kind: str, id_: int) -> str:
    """Give the key of a mark among the checksums."""
    return f"{kind} {id_}"


def sum_marks(connection: apsw.Connection) -> None:
    """Note the checksums of all marks there are."""
    rows: list[Any] = connection.execute("SELECT kind, id FROM doomed").fetchall()
    put_sums(connection, TABLE, [(sum_key(*row), row) for row in rows])


def mark(connection: apsw.Connection, deleted: Iterable[tuple[Kind, int]]) -> None:
    """Note that these streams are deleted; other kinds have nothing stored for them."""
    rows = [(kind.value, id_) for kind, id_ in deleted if kind in STREAM_KINDS]
    connection.executemany("INSERT OR IGNORE INTO doomed VALUES (?, ?)", rows)
    put_sums(connection, TABLE, [(sum_key(*row), row) for row in rows])


def unmark(connection: apsw.Connection, kind: Kind, ids: Iterable[int]) -> None:
    """Note that nothing is stored for these streams any more."""
    rows = [(kind.value, id_) for id_ in ids]
    connection.executemany("DELETE FROM doomed WHERE kind = ? AND id = ?", rows)
    remove_sums(connection, TABLE, [sum_key(*row) for row in rows])


def marked(connection: apsw.Connection, kind: Kind) -> list[int]:
    """Give the ids of the streams that are marked.

    A mark of a stream that is in the catalog is damaged: what the stream has, stays.
    """
    sql = "SELECT id FROM doomed WHERE kind = ? ORDER BY id"
    found: list[Any] = connection.execute(sql, (kind.value,)).fetchall()
    return [id_ for (id_,) in found if not _is_known(connection, kind, id_)]


def _is_known(connection: apsw.Connection, kind: Kind, id_: int) -> bool:
    found = connection.execute(f"SELECT 1 FROM {kind.value} WHERE id = ?", (id_,))
    return found.fetchone() is not None
