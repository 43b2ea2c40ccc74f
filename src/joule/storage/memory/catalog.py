"""Metadata in dictionaries."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogSnapshot,
    DataStreamRecord,
    EventStreamRecord,
    FolderRecord,
    FollowerRecord,
    Kind,
    MasterRecord,
)

if TYPE_CHECKING:
    from joule.storage.interfaces import CatalogChanges, Record

_KINDS = {
    FolderRecord: Kind.FOLDER,
    DataStreamRecord: Kind.DATA_STREAM,
    EventStreamRecord: Kind.EVENT_STREAM,
    AnnotationRecord: Kind.ANNOTATION,
    MasterRecord: Kind.MASTER,
    FollowerRecord: Kind.FOLLOWER,
}


class MemoryCatalog:
    """A ``CatalogStore`` in dictionaries."""

    def __init__(self) -> None:
        self._records: dict[Kind, dict[int, Record]] = {kind: {} for kind in _KINDS.values()}
        self._next_ids = dict.fromkeys(Kind, 1)
        self._properties: dict[str, Any] = {}

    async def load(self) -> CatalogSnapshot:
        return CatalogSnapshot(*(self._sorted(kind) for kind in _KINDS.values()))

    def _sorted(self, kind: Kind) -> tuple[Any, ...]:
        return tuple(deepcopy(record) for _, record in sorted(self._records[kind].items()))

    async def allocate(self, kind: Kind, count: int = 1) -> range:
        first = self._next_ids[kind]
        self._next_ids[kind] = first + count
        return range(first, first + count)

    async def apply(self, changes: CatalogChanges) -> None:
        deleted = [(self._records[kind], id_) for kind, id_ in changes.delete]
        put = [(_KINDS[type(record)], deepcopy(record)) for record in changes.put]
        for records, id_ in deleted:
            records.pop(id_, None)
        for kind, record in put:
            self._records[kind][record.id] = record
            self._claim(kind, record.id)
            if isinstance(record, DataStreamRecord):
                for element in record.elements:
                    self._claim(Kind.ELEMENT, element.id)

    def _claim(self, kind: Kind, id_: int) -> None:
        self._next_ids[kind] = max(self._next_ids[kind], id_ + 1)

    async def get_property(self, name: str) -> Any:
        return deepcopy(self._properties.get(name))

    async def set_property(self, name: str, value: Any) -> None:
        self._properties[name] = deepcopy(value)

    async def properties(self) -> dict[str, Any]:
        return deepcopy(self._properties)
