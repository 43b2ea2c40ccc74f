"""The metadata of a node in the tables of Joule 1.0.

The node reads this once, when it starts; from then on it only writes. Properties are in our own
schema, but for the ``uuid``, which Joule 1.0 keeps in ``metadata.node``.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from joule.errors import DataError
from joule.models.layout import Layout
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
from joule.storage.postgres.catalog.catalog_rows import (
    ANNOTATIONS,
    ELEMENTS,
    EVENT_STREAMS,
    FOLDERS,
    FOLLOWERS,
    SEQUENCES,
    STREAMS,
    Table,
    arrays,
)
from joule.storage.postgres.catalog.keys import delete_masters, load_masters, put_masters
from joule.storage.postgres.tables.sample_tables import check_layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncpg import Connection

    from joule.storage.interfaces import CatalogChanges, Record
    from joule.storage.postgres.connection.server import Server

_log = logging.getLogger(__name__)

_TABLES: Final[dict[type[Record], Table]] = {
    FolderRecord: FOLDERS,
    DataStreamRecord: STREAMS,
    EventStreamRecord: EVENT_STREAMS,
    AnnotationRecord: ANNOTATIONS,
    FollowerRecord: FOLLOWERS,
}
"""In an order in which they can be put: what is referred to comes first. Masters are apart."""

_ONE_AT_A_TIME: Final = f"SELECT pg_advisory_xact_lock({0x6A6F7569}, 0)"
"""What gives ids: looking for the next one and taking it are two steps."""

_KEEP_ELEMENTS: Final = """
DELETE FROM metadata.element WHERE stream_id = ANY($1::int[]) AND id <> ALL($2::int[])
"""
_OF_STREAMS: Final = (
    "DELETE FROM metadata.element WHERE stream_id = ANY($1::int[])",
    "DELETE FROM metadata.annotation WHERE stream_id = ANY($1::int[])",
)
_GET_PROPERTY: Final = "SELECT value FROM joule.property WHERE name = $1"
SET_PROPERTY: Final = """
INSERT INTO joule.property VALUES ($1, $2::jsonb)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_ALL_PROPERTIES: Final = """
SELECT 'uuid', to_jsonb(uuid::text) FROM metadata.node
UNION ALL SELECT name, value FROM joule.property WHERE name <> 'module_password'
"""
_GET_UUID: Final = "SELECT to_jsonb(uuid::text) FROM metadata.node"
_SET_UUID: Final = "UPDATE metadata.node SET uuid = $1::text::uuid"


class PostgresCatalog:
    """A ``CatalogStore`` in a PostgreSQL database."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def load(self) -> CatalogSnapshot:
        return await self._server.read(_load)

    async def allocate(self, kind: Kind, count: int = 1) -> range:
        sequence = _sequence(kind)

        async def work(connection: Connection) -> range:
            await connection.execute(_ONE_AT_A_TIME)
            first = await _next(connection, kind)
            if count:
                await connection.execute(
                    "SELECT setval($1::regclass, $2)", sequence, first + count - 1
                )
            return range(first, first + count)

        return await self._server.write(work)

    async def apply(self, changes: CatalogChanges) -> None:
        await self._server.write(lambda connection: _apply(connection, changes))

    async def get_property(self, name: str) -> Any:
        async def work(connection: Connection) -> Any:
            if name == "uuid":
                return await connection.fetchval(_GET_UUID)
            return await connection.fetchval(_GET_PROPERTY, name)

        text = await self._server.read(work)
        return None if text is None else json.loads(text)

    async def set_property(self, name: str, value: Any) -> None:
        async def work(connection: Connection) -> None:
            if name == "uuid":
                await connection.execute(_SET_UUID, value)
            else:
                await connection.execute(SET_PROPERTY, name, json.dumps(value))

        await self._server.write(work)

    async def properties(self) -> dict[str, Any]:
        async def work(connection: Connection) -> list[Any]:
            return list(await connection.fetch(_ALL_PROPERTIES))

        return {name: json.loads(text) for name, text in await self._server.read(work)}


async def _load(connection: Connection) -> CatalogSnapshot:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        folders, event_streams, annotations, followers = [
            await _records(connection, table)
            for table in (FOLDERS, EVENT_STREAMS, ANNOTATIONS, FOLLOWERS)
        ]
        streams = await _data_streams(connection)
        masters = await load_masters(connection)
    return CatalogSnapshot(folders, streams, event_streams, annotations, masters, followers)


async def _records(connection: Connection, table: Table) -> tuple[Any, ...]:
    records = [table.record_of(row) for row in await connection.fetch(table.select)]
    return tuple(_placed(table, records))


async def _data_streams(connection: Connection) -> tuple[DataStreamRecord, ...]:
    elements: dict[int, list[ElementRecord]] = defaultdict(list)
    for row in await connection.fetch(ELEMENTS.select):
        elements[row["stream_id"]].append(ELEMENTS.record_of(row))
    for columns in elements.values():
        columns.sort(key=lambda element: element.index)
    rows = await connection.fetch(STREAMS.select)
    records = [STREAMS.record_of(row, elements=tuple(elements[row["id"]])) for row in rows]
    return tuple(_placed(STREAMS, records))


def _placed(table: Table, records: Iterable[Any]) -> Iterable[Any]:
    """Leave out what belongs to no folder and no stream, which the schema allows."""
    for record in records:
        place = getattr(record, "folder_id", getattr(record, "stream_id", 0))
        if place is None:
            _log.warning("metadata.%s has no place for row %d: ignored", table.name, record.id)
        else:
            yield record


def _sequence(kind: Kind) -> str:
    return f"metadata.{SEQUENCES[kind]}_id_seq"


async def _next(connection: Connection, kind: Kind) -> int:
    """Give the next id of a kind without taking it; rows may have come in past the sequence."""
    sql = (
        f"SELECT greatest(last_value + is_called::int, "
        f"(SELECT max(id) + 1 FROM metadata.{SEQUENCES[kind]})) FROM {_sequence(kind)}"
    )
    return int(await connection.fetchval(sql))


async def _apply(connection: Connection, changes: CatalogChanges) -> None:
    doomed: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    put = {(_kind(record), record.id) for record in changes.put}
    for kind, id_ in changes.delete:
        if (kind, id_) not in put:
            doomed[kind].append(id_)
    # What somebody else may have next goes first, what others still refer to goes last.
    await _delete(connection, FOLLOWERS.delete, doomed[Kind.FOLLOWER])
    await _put(connection, changes.put)
    await _delete(connection, ANNOTATIONS.delete, doomed[Kind.ANNOTATION])
    for statement in _OF_STREAMS:
        await _delete(connection, statement, doomed[Kind.DATA_STREAM])
    for table in (STREAMS, EVENT_STREAMS, FOLDERS):
        await _delete(connection, table.delete, doomed[table.kind])
    await delete_masters(connection, doomed[Kind.MASTER])


async def _delete(connection: Connection, statement: str, ids: Sequence[int]) -> None:
    if ids:
        await connection.execute(statement, ids)


def _kind(record: Record) -> Kind:
    return Kind.MASTER if isinstance(record, MasterRecord) else _TABLES[type(record)].kind


def _check_layout(stream: DataStreamRecord) -> None:
    """Raise ``DataError`` for a stream whose rows would fit no table."""
    try:
        check_layout(Layout(stream.datatype, len(stream.elements)))
    except DataError as error:
        raise DataError(f"data stream [{stream.name}]: {error}") from error


async def _put(connection: Connection, records: Sequence[Record]) -> None:
    for record in records:
        if isinstance(record, DataStreamRecord):
            _check_layout(record)
    for class_, table in _TABLES.items():
        rows = [table.values(record) for record in records if isinstance(record, class_)]
        await _put_rows(connection, table, rows)
    streams = [record for record in records if isinstance(record, DataStreamRecord)]
    rows = [(*ELEMENTS.values(item), stream.id) for stream in streams for item in stream.elements]
    await _put_rows(connection, ELEMENTS, rows)
    if streams:
        kept = [row[0] for row in rows]
        await connection.execute(_KEEP_ELEMENTS, [stream.id for stream in streams], kept)
    masters = [record for record in records if isinstance(record, MasterRecord)]
    await put_masters(connection, masters)
    await _claim(connection, Kind.MASTER, [master.id for master in masters])


async def _put_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.execute(table.put, *arrays(rows))
        await _claim(connection, table.kind, [row[0] for row in rows])


async def _claim(connection: Connection, kind: Kind, ids: Sequence[int]) -> None:
    """Let no id that records bring along be given again, not even when they are gone."""
    if ids:
        sequence = _sequence(kind)
        is_behind = "last_value + is_called::int <= $1"
        sql = f"SELECT setval('{sequence}', $1) FROM {sequence} WHERE {is_behind}"
        await connection.execute(sql, max(ids))
