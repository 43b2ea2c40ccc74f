"""Streams that are gone from the catalog and whose rows or events are still to be removed.

A stream is deleted in two steps: first its record, then what is stored for it. The first step
leaves a mark here, the second takes it away, so a crash between them leaves nothing for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS doomed (
    kind TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
"""

STREAM_KINDS: Final = (Kind.DATA_STREAM, Kind.EVENT_STREAM)


def mark(connection: apsw.Connection, deleted: Iterable[tuple[Kind, int]]) -> None:
    """Note that these streams are deleted; other kinds have nothing stored for them."""
    rows = [(kind.value, id_) for kind, id_ in deleted if kind in STREAM_KINDS]
    connection.executemany("INSERT OR IGNORE INTO doomed VALUES (?, ?)", rows)


def unmark(connection: apsw.Connection, kind: Kind, ids: Iterable[int]) -> None:
    """Note that nothing is stored for these streams any more."""
    rows = [(kind.value, id_) for id_ in ids]
    connection.executemany("DELETE FROM doomed WHERE kind = ? AND id = ?", rows)


def marked(connection: apsw.Connection, kind: Kind) -> list[int]:
    """Give the ids of the streams that are marked."""
    sql = "SELECT id FROM doomed WHERE kind = ? ORDER BY id"
    return [id_ for (id_,) in connection.execute(sql, (kind.value,))]
