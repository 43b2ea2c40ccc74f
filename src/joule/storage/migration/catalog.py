"""The catalog of a node, copied as it is: records, ids that were given, properties."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from joule.models.layout import Layout
from joule.storage.interfaces import ROWS_IN_NILMDB, CatalogChanges, Kind, StreamRef
from joule.storage.migration.mark import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.storage.interfaces import (
        CatalogSnapshot,
        CatalogStore,
        DataStreamRecord,
        EventStreamRecord,
        Record,
    )

_KINDS = {
    "folders": Kind.FOLDER,
    "data_streams": Kind.DATA_STREAM,
    "event_streams": Kind.EVENT_STREAM,
    "annotations": Kind.ANNOTATION,
    "masters": Kind.MASTER,
    "followers": Kind.FOLLOWER,
}


async def copy_catalog(source: CatalogStore, target: CatalogStore) -> None:
    """Make the catalog of the destination that of the source."""
    wanted, there = await source.load(), await target.load()
    records = dict(_keyed(wanted))
    gone = [key for key, _ in _keyed(there) if key not in records]
    await target.apply(CatalogChanges(put=list(records.values()), delete=gone))
    for kind in Kind:
        given, known = await source.allocate(kind, 0), await target.allocate(kind, 0)
        if given.start > known.start:
            await target.allocate(kind, given.start - known.start)
    for name, value in (await source.properties()).items():
        if name != PROPERTY and not name.startswith(ROWS_IN_NILMDB):
            await target.set_property(name, value)


async def gone(source: CatalogStore, target: CatalogStore, kind: Kind) -> list[int]:
    """Give the ids that only the destination has: the source was changed between two attempts."""
    known = {key for key, _ in _keyed(await source.load())}
    there = (key for key, _ in _keyed(await target.load()) if key not in known)
    return [id_ for found, id_ in there if found is kind]


async def catalog_differences(source: CatalogStore, target: CatalogStore) -> list[str]:
    """Tell which records of two catalogs are not the same."""
    left, right = dict(_keyed(await source.load())), dict(_keyed(await target.load()))
    return [
        f"{kind.value} {id_} differs"
        for kind, id_ in sorted(left.keys() | right.keys(), key=lambda key: (key[0].value, key[1]))
        if left.get((kind, id_)) != right.get((kind, id_))
    ]


def data_streams(catalog: CatalogSnapshot) -> list[StreamRef]:
    """Give what engines need to know of the data streams, which are named by their paths."""
    return [
        StreamRef(
            record.id,
            Layout(record.datatype, len(record.elements)),
            record.decimate,
            stream_path(catalog, record),
        )
        for record in catalog.data_streams
    ]


def stream_path(catalog: CatalogSnapshot, stream: DataStreamRecord | EventStreamRecord) -> str:
    """Give the path of a stream."""
    folders = {folder.id: folder for folder in catalog.folders}
    names, folder = [stream.name], folders.get(stream.folder_id)
    while folder is not None and folder.parent_id is not None:
        names.append(folder.name)
        folder = folders.get(folder.parent_id)
    return "/" + "/".join(reversed(names))


def _keyed(catalog: CatalogSnapshot) -> Iterator[tuple[tuple[Kind, int], Record]]:
    """Give the records by kind and id."""
    for item in fields(catalog):
        for record in getattr(catalog, item.name):
            yield (_KINDS[item.name], record.id), record
