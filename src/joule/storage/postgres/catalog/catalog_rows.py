"""Records of the catalog and the rows that Joule 1.0 keeps for them.

It writes enumerations in capitals, leaves columns empty that always have a value here, and has
columns that mean nothing here: those are left as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from joule.storage.interfaces import (
    AnnotationRecord,
    DataStreamRecord,
    ElementRecord,
    EventStreamRecord,
    FolderRecord,
    FollowerRecord,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from asyncpg import Record as Row


def _same(value: Any) -> Any:
    return value


def _or(default: Any) -> Callable[[Any], Any]:
    """Give a decoder for a column that may be empty."""
    return lambda value: default if value is None else value


def _label(default: str | None = None) -> Callable[[Any], Any]:
    """Give a decoder for the labels of an enumeration."""
    return lambda label: default if label is None else label.lower()


@dataclass(frozen=True)
class Column:
    """A column with its SQL type, and how the value of the record's field is stored in it.

    ``field`` is empty when it has the name of the column.
    """

    name: str
    type: str
    field: str = ""
    encode: Callable[[Any], Any] = _same
    decode: Callable[[Any], Any] = _same

    @property
    def quoted(self) -> str:
        """Its name as SQL takes it."""
        return f'"{self.name}"'


@dataclass(frozen=True)
class Table:
    """How records of one class are kept in ``metadata``.

    ``owner`` is a column that no field of the record stands for; the last of each row. ``unused``
    are columns that mean nothing here: a new row gets False there.
    """

    kind: Kind
    name: str
    record: type[Any]
    columns: tuple[Column, ...]
    owner: Column | None = None
    unused: tuple[str, ...] = ()

    @property
    def select(self) -> str:
        """The query for all rows, by id."""
        return f"SELECT {self._names} FROM metadata.{self.name} ORDER BY id"

    @property
    def put(self) -> str:
        """The statement that inserts or updates rows, given as one array for each column.

        All rows at once, so that they may refer to each other in any order.
        """
        arrays = ", ".join(f"${n}::{c.type}[]" for n, c in enumerate(self._all, start=1))
        updates = ", ".join(f"{c.quoted} = excluded.{c.quoted}" for c in self._all[1:])
        names = ", ".join([self._names, *self.unused])
        values = ", ".join(["*", *("false" for _ in self.unused)])
        return (
            f"INSERT INTO metadata.{self.name} ({names}) SELECT {values} FROM unnest({arrays}) "
            f"ON CONFLICT (id) DO UPDATE SET {updates}"
        )

    @property
    def delete(self) -> str:
        """The statement that deletes the rows with the ids of an array."""
        return f"DELETE FROM metadata.{self.name} WHERE id = ANY($1::int[])"

    @property
    def _all(self) -> tuple[Column, ...]:
        return self.columns if self.owner is None else (*self.columns, self.owner)

    @property
    def _names(self) -> str:
        return ", ".join(column.quoted for column in self._all)

    def values(self, record: Any) -> tuple[Any, ...]:
        """Give the columns of a record, without the owner."""
        return tuple(c.encode(getattr(record, c.field or c.name)) for c in self.columns)

    def record_of(self, row: Row, **more: Any) -> Any:
        """Give the record of a row; ``more`` are fields that no column stands for."""
        return self.record(
            **{c.field or c.name: c.decode(row[c.name]) for c in self.columns}, **more
        )


def arrays(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Give rows as one array for each column; of several with one id the last one counts."""
    return list(zip(*{row[0]: row for row in rows}.values(), strict=True))


_ID: Final = Column("id", "int")
_NAME: Final = Column("name", "text")
_DESCRIPTION: Final = Column("description", "text")
_KEEP: Final = Column("keep_us", "bigint", decode=_or(-1))
_CONFIGURED: Final = Column("is_configured", "bool", decode=bool)
_FOLDER: Final = Column("folder_id", "int")
_UPDATED: Final = Column("updated_at", "timestamptz", "updated_at_us")

FOLDERS: Final = Table(
    Kind.FOLDER,
    "folder",
    FolderRecord,
    (_ID, _NAME, _DESCRIPTION, Column("parent_id", "int"), _UPDATED),
)
STREAMS: Final = Table(
    Kind.DATA_STREAM,
    "stream",
    DataStreamRecord,
    (
        _ID,
        _NAME,
        Column("datatype", "datatype", encode=str.upper, decode=_label()),
        Column("decimate", "bool", decode=_or(True)),
        _CONFIGURED,
        _KEEP,
        _DESCRIPTION,
        _FOLDER,
        _UPDATED,
    ),
    unused=("is_source", "is_destination"),
)
ELEMENTS: Final = Table(
    Kind.ELEMENT,
    "element",
    ElementRecord,
    (
        _ID,
        Column("index", "int"),
        Column("name", "text", decode=_or("")),
        Column("units", "text"),
        Column("plottable", "bool"),
        Column("display_type", "displaytype", encode=str.upper, decode=_label("continuous")),
        Column("offset", "float8"),
        Column("scale_factor", "float8"),
        Column("default_max", "float8"),
        Column("default_min", "float8"),
    ),
    owner=Column("stream_id", "int"),
)
EVENT_STREAMS: Final = Table(
    Kind.EVENT_STREAM,
    "eventstream",
    EventStreamRecord,
    (
        _ID,
        _NAME,
        Column(
            "event_fields",
            "jsonb",
            encode=json.dumps,
            decode=lambda text: (json.loads(text) if text else None) or {},
        ),
        _CONFIGURED,
        Column("chunk_duration_us", "bigint", decode=_or(0)),
        _KEEP,
        _DESCRIPTION,
        _FOLDER,
        _UPDATED,
    ),
)
ANNOTATIONS: Final = Table(
    Kind.ANNOTATION,
    "annotation",
    AnnotationRecord,
    (
        _ID,
        Column("title", "text", decode=_or("")),
        Column("content", "text"),
        Column("start", "timestamptz"),
        Column("end", "timestamptz"),
        Column("stream_id", "int"),
    ),
)
FOLLOWERS: Final = Table(
    Kind.FOLLOWER,
    "follower",
    FollowerRecord,
    (_ID, _NAME, Column("key", "text"), Column("location", "text")),
)
SEQUENCES: Final = {
    **{table.kind: table.name for table in (FOLDERS, STREAMS, ELEMENTS, EVENT_STREAMS)},
    **{table.kind: table.name for table in (ANNOTATIONS, FOLLOWERS)},
    Kind.MASTER: "master",
}
"""The table whose sequence gives the ids of a kind."""
