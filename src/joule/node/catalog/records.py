"""Domain objects to records of the catalog store and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from joule.models.events import EventStream
from joule.models.folders import Folder
from joule.models.streams import DataStream, Element
from joule.node.catalog.tree import Tree
from joule.storage.interfaces import (
    DataStreamRecord,
    ElementRecord,
    EventStreamRecord,
    FolderRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.models.streams import Stream
    from joule.storage.interfaces import CatalogSnapshot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(us: int) -> datetime:
    """Give UNIX microseconds as a time in UTC, exact."""
    return _EPOCH + timedelta(microseconds=us)


def stream_record(
    stream: Stream, folder_id: int, updated_at_us: int
) -> DataStreamRecord | EventStreamRecord:
    """Give the record of a stream of either kind."""
    if isinstance(stream, DataStream):
        return _data_stream_record(stream, folder_id, updated_at_us)
    return EventStreamRecord(
        id=stream.id,
        name=stream.name,
        description=stream.description,
        event_fields=dict(stream.event_fields),
        chunk_duration_us=stream.chunk_duration_us,
        keep_us=stream.keep_us,
        is_configured=stream.is_configured,
        folder_id=folder_id,
        updated_at_us=updated_at_us,
    )


def _data_stream_record(stream: DataStream, folder_id: int, updated_at_us: int) -> DataStreamRecord:
    return DataStreamRecord(
        id=stream.id,
        name=stream.name,
        description=stream.description,
        datatype=stream.datatype,
        keep_us=stream.keep_us,
        decimate=stream.decimate,
        is_configured=stream.is_configured,
        folder_id=folder_id,
        updated_at_us=updated_at_us,
        elements=tuple(_element_record(element) for element in stream.elements),
    )


def _element_record(element: Element) -> ElementRecord:
    return ElementRecord(
        id=element.id,
        index=element.index,
        name=element.name,
        units=element.units,
        plottable=element.plottable,
        display_type=element.display_type,
        offset=element.offset,
        scale_factor=element.scale_factor,
        default_max=element.default_max,
        default_min=element.default_min,
    )


def tree_from(snapshot: CatalogSnapshot) -> Tree | None:
    """Build the tree of a snapshot, None when it has no root folder.

    The flags that say what uses a stream are off: they belong to one run of the node.
    """
    roots = [record for record in snapshot.folders if record.parent_id is None]
    if not roots:
        return None
    tree = Tree(_folder(roots[0]))
    _add_folders(tree, (record for record in snapshot.folders if record.parent_id is not None))
    for record in snapshot.data_streams:
        tree.add_stream(_data_stream(record), tree.folders[record.folder_id])
    for event_record in snapshot.event_streams:
        tree.add_stream(_event_stream(event_record), tree.folders[event_record.folder_id])
    return tree


def _add_folders(tree: Tree, records: Iterable[FolderRecord]) -> None:
    children: dict[int | None, list[FolderRecord]] = {}
    for record in records:
        children.setdefault(record.parent_id, []).append(record)
    waiting = [tree.root]
    while waiting:
        parent = waiting.pop()
        for record in children.get(parent.id, ()):
            folder = _folder(record)
            tree.add_folder(folder, parent)
            waiting.append(folder)


def _folder(record: FolderRecord) -> Folder:
    folder = Folder(
        record.name, description=record.description, updated_at=moment(record.updated_at_us)
    )
    folder.id = record.id
    return folder


def _data_stream(record: DataStreamRecord) -> DataStream:
    stream = DataStream(
        name=record.name,
        description=record.description,
        datatype=record.datatype,
        keep_us=record.keep_us,
        elements=[_element(element) for element in record.elements],
        decimate=record.decimate,
        updated_at=moment(record.updated_at_us),
    )
    stream.id = record.id
    return stream


def _element(record: ElementRecord) -> Element:
    element = Element(
        name=record.name,
        units=record.units,
        plottable=record.plottable,
        display_type=record.display_type,
        offset=record.offset,
        scale_factor=record.scale_factor,
        default_max=record.default_max,
        default_min=record.default_min,
        index=record.index,
    )
    element.id = record.id
    return element


def _event_stream(record: EventStreamRecord) -> EventStream:
    stream = EventStream(
        name=record.name,
        description=record.description,
        chunk_duration_us=record.chunk_duration_us,
        keep_us=record.keep_us,
        event_fields=dict(record.event_fields),
        updated_at=moment(record.updated_at_us),
    )
    stream.id = record.id
    return stream
