"""The tables of metadata in the embedded engine's file, one per kind of record.

Columns are named after the fields of the records in ``storage.interfaces``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import astuple, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from joule.errors import StorageDamagedError
from joule.storage.embedded import doomed, row_sums
from joule.storage.embedded.row_sums import put_sums, remove_sums
from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogSnapshot,
    DataStreamRecord,
    ElementRecord,
    EventStreamRecord,
    FolderRecord,
    FollowerRecord,
    Kind,
    MasterRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import apsw

    from joule.storage.interfaces import CatalogChanges, Record

_OWN_SCHEMA = """
CREATE TABLE IF NOT EXISTS folder (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT, parent_id INTEGER,
    updated_at_us INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS data_stream (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT, datatype TEXT NOT NULL,
    keep_us INTEGER NOT NULL, decimate INTEGER NOT NULL, is_configured INTEGER NOT NULL,
    folder_id INTEGER NOT NULL, updated_at_us INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS element (
    id INTEGER PRIMARY KEY, "index" INTEGER NOT NULL, name TEXT NOT NULL, units TEXT,
    plottable INTEGER, display_type TEXT NOT NULL, offset REAL NOT NULL,
    scale_factor REAL NOT NULL, default_max REAL, default_min REAL, stream_id INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS element_of_stream ON element (stream_id, "index");
CREATE TABLE IF NOT EXISTS event_stream (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT, event_fields TEXT NOT NULL,
    chunk_duration_us INTEGER NOT NULL, keep_us INTEGER NOT NULL, is_configured INTEGER NOT NULL,
    folder_id INTEGER NOT NULL, updated_at_us INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS annotation (
    id INTEGER PRIMARY KEY, stream_id INTEGER NOT NULL, title TEXT NOT NULL, content TEXT,
    start INTEGER NOT NULL, "end" INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS master (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, key_hash BLOB NOT NULL,
    scope TEXT NOT NULL, grantor_id INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS follower (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, location TEXT NOT NULL, key TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS id_sequence (
    kind TEXT PRIMARY KEY, next_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS property (
    name TEXT PRIMARY KEY, value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
SCHEMA = _OWN_SCHEMA + row_sums.SCHEMA + doomed.SCHEMA

_CLAIM = """
INSERT INTO id_sequence VALUES (?, ?)
ON CONFLICT DO UPDATE SET next_id = max(next_id, excluded.next_id) RETURNING kind, next_id
"""


@dataclass(frozen=True)
class _Table:
    """How records of one class are kept; ``decode`` turns columns back where SQLite has less."""

    kind: Kind
    record: Callable[..., Any]
    decode: dict[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return [item.name for item in fields(self.record) if item.name != "elements"]  # type: ignore[arg-type]

    def put(self, connection: apsw.Connection, rows: Sequence[tuple[Any, ...]], *more: str) -> None:
        """Insert or replace rows of the columns, and ``more`` of them that no field has."""
        names = [f'"{name}"' for name in (*self.columns, *more)]
        marks = ", ".join("?" * len(names))
        sql = f"INSERT OR REPLACE INTO {self.kind.value} ({', '.join(names)}) VALUES ({marks})"
        connection.executemany(sql, rows)
        stored = f"SELECT {', '.join(names)} FROM {self.kind.value} WHERE id = ?"
        # As they are stored: what SQLite makes of a value is what will be read.
        found = connection.executemany(stored, [(row[0],) for row in rows]).fetchall()
        put_sums(connection, self.kind.value, [(row[0], row) for row in found])

    def rows(
        self, connection: apsw.Connection, *more: str, order: str = "id"
    ) -> Iterator[tuple[Any, ...]]:
        """Give the decoded rows, with the columns ``more`` at the end."""
        names = [*self.columns, *more]
        decoders = [(i, self.decode[name]) for i, name in enumerate(names) if name in self.decode]
        listed = ", ".join(f'"{name}"' for name in names)
        for row in connection.execute(f"SELECT {listed} FROM {self.kind.value} ORDER BY {order}"):
            values = list(row)
            for i, decode in decoders:
                values[i] = decode(values[i])
            yield tuple(values)

    def records(self, connection: apsw.Connection) -> tuple[Any, ...]:
        """Give all records by id."""
        return tuple(self.record(*row) for row in self.rows(connection))


def _optional_bool(value: int | None) -> bool | None:
    return None if value is None else bool(value)


_FLAGS: dict[str, Callable[[Any], Any]] = {"decimate": bool, "is_configured": bool}
_ELEMENTS = _Table(Kind.ELEMENT, ElementRecord, {"plottable": _optional_bool})
_DATA_STREAMS = _Table(Kind.DATA_STREAM, DataStreamRecord, _FLAGS)
_TABLES: dict[type[Record], _Table] = {
    FolderRecord: _Table(Kind.FOLDER, FolderRecord),
    DataStreamRecord: _DATA_STREAMS,
    EventStreamRecord: _Table(
        Kind.EVENT_STREAM, EventStreamRecord, {"event_fields": json.loads, **_FLAGS}
    ),
    AnnotationRecord: _Table(Kind.ANNOTATION, AnnotationRecord),
    MasterRecord: _Table(Kind.MASTER, MasterRecord),
    FollowerRecord: _Table(Kind.FOLLOWER, FollowerRecord),
}


def summed_columns() -> dict[str, list[str]]:
    """Give the columns that a row's checksum is made of, the key first, for each table."""
    columns = {table.kind.value: table.columns for table in _TABLES.values()}
    columns |= {_ELEMENTS.kind.value: [*_ELEMENTS.columns, "stream_id"]}
    return columns | {"id_sequence": ["kind", "next_id"], "property": ["name", "value"]}


def sum_rows(connection: apsw.Connection) -> None:
    """Note the checksums of all rows there are."""
    connection.execute(SCHEMA)
    for table, columns in summed_columns().items():
        names = ", ".join(f'"{name}"' for name in columns)
        rows = connection.execute(f"SELECT {names} FROM {table}").fetchall()
        put_sums(connection, table, [(row[0], row) for row in rows])


def load(connection: apsw.Connection) -> CatalogSnapshot:
    """Give everything; ``StorageDamagedError`` when something is not what it must be."""
    try:
        return _snapshot(connection)
    except (ValueError, TypeError) as error:  # no text, no JSON, or no value where one must be
        raise StorageDamagedError(f"the catalog is damaged: {error}") from error


def _snapshot(connection: apsw.Connection) -> CatalogSnapshot:
    records = [table.records(connection) for table in _TABLES.values() if table != _DATA_STREAMS]
    folders, event_streams, annotations, masters, followers = records
    data_streams = tuple(_data_streams(connection))
    return CatalogSnapshot(folders, data_streams, event_streams, annotations, masters, followers)


def _data_streams(connection: apsw.Connection) -> Iterator[DataStreamRecord]:
    elements: dict[int, list[ElementRecord]] = defaultdict(list)
    for *values, stream_id in _ELEMENTS.rows(
        connection, "stream_id", order='stream_id, "index", id'
    ):
        elements[stream_id].append(ElementRecord(*values))
    for row in _DATA_STREAMS.rows(connection):
        yield _DATA_STREAMS.record(*row, tuple(elements[row[0]]))


def apply(connection: apsw.Connection, changes: CatalogChanges) -> None:
    """Put and delete records."""
    streams = [record for record in changes.put if isinstance(record, DataStreamRecord)]
    deleted = [id_ for kind, id_ in changes.delete if kind is Kind.DATA_STREAM]
    for kind, id_ in changes.delete:
        connection.execute(f"DELETE FROM {kind.value} WHERE id = ?", (id_,))
        remove_sums(connection, kind.value, [id_])
    doomed.mark(connection, changes.delete)
    _remove_elements(connection, deleted + [stream.id for stream in streams])
    for record in changes.put:
        _TABLES[type(record)].put(connection, [_values(record)])
    for stream in streams:
        rows = [(*astuple(element), stream.id) for element in stream.elements]
        _ELEMENTS.put(connection, rows, "stream_id")
    _claim(connection, changes.put)


def _remove_elements(connection: apsw.Connection, streams: Sequence[int]) -> None:
    sql = "DELETE FROM element WHERE stream_id = ? RETURNING id"
    gone = connection.executemany(sql, [(stream,) for stream in streams]).fetchall()
    remove_sums(connection, Kind.ELEMENT.value, [id_ for (id_,) in gone])


def _claim(connection: apsw.Connection, records: Iterable[Record]) -> None:
    """Let no id that records bring along be given again."""
    claims = connection.executemany(_CLAIM, list(_claims(records))).fetchall()
    put_sums(connection, "id_sequence", [(row[0], row) for row in claims])


def _values(record: Record) -> tuple[Any, ...]:
    """Give the columns of a record, dictionaries as JSON text."""
    if isinstance(record, DataStreamRecord):
        return astuple(replace(record, elements=()))[:-1]
    return tuple(json.dumps(v) if isinstance(v, dict) else v for v in astuple(record))


def _claims(records: Iterable[Record]) -> Iterator[tuple[str, int]]:
    """Give the kind and the id behind each id that records bring along."""
    for record in records:
        yield _TABLES[type(record)].kind.value, record.id + 1
        if isinstance(record, DataStreamRecord):
            for element in record.elements:
                yield Kind.ELEMENT.value, element.id + 1
