"""Annotations, masters and followers: records without a tree, in memory and in the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joule.storage.interfaces import (
    AnnotationRecord,
    CatalogChanges,
    FollowerRecord,
    Kind,
    MasterRecord,
)
from joule.storage.tasks import completely

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from joule.storage.interfaces import CatalogSnapshot, CatalogStore

    FlatRecord = AnnotationRecord | MasterRecord | FollowerRecord

_KINDS = {
    AnnotationRecord: Kind.ANNOTATION,
    MasterRecord: Kind.MASTER,
    FollowerRecord: Kind.FOLLOWER,
}


class FlatRecords:
    """Records by kind and id, in the order in which they were made.

    Whoever changes anything of the catalog, tree or records, holds ``turn`` from looking at what
    is there until the change is stored.
    """

    def __init__(self, store: CatalogStore, snapshot: CatalogSnapshot) -> None:
        self._store = store
        self.turn = asyncio.Lock()
        self.annotations = {record.id: record for record in snapshot.annotations}
        self.masters = {record.id: record for record in snapshot.masters}
        self.followers = {record.id: record for record in snapshot.followers}

    async def new_id(self, kind: Kind) -> int:
        """Give an id for a new record."""
        return (await self._store.allocate(kind))[0]

    async def change(
        self, put: Sequence[FlatRecord] = (), delete: Sequence[tuple[Kind, int]] = ()
    ) -> None:
        """Put and delete records, all or none; durable on return. The caller has the turn."""
        await completely(self._change(put, delete))

    async def _change(self, put: Sequence[FlatRecord], delete: Sequence[tuple[Kind, int]]) -> None:
        await self._store.apply(CatalogChanges(put=list(put), delete=list(delete)))
        for kind, id_ in delete:
            self._of(kind).pop(id_, None)
        for record in put:
            self._of(_KINDS[type(record)])[record.id] = record

    def annotation_ids(self, stream_ids: Collection[int]) -> list[int]:
        """List the annotations of data streams."""
        wanted = frozenset(stream_ids)
        return [id_ for id_, note in self.annotations.items() if note.stream_id in wanted]

    def forget_annotations(self, ids: Iterable[int]) -> None:
        """Let go of annotations that are no longer in the store."""
        for id_ in ids:
            self.annotations.pop(id_, None)

    def _of(self, kind: Kind) -> dict[int, FlatRecord]:
        by_kind: dict[Kind, dict[int, FlatRecord]] = {
            Kind.ANNOTATION: self.annotations,  # type: ignore[dict-item]  # keyed by their type
            Kind.MASTER: self.masters,  # type: ignore[dict-item]
            Kind.FOLLOWER: self.followers,  # type: ignore[dict-item]
        }
        return by_kind[kind]
