"""Replacing what is stored in a range, so that a crash in the middle loses nothing.

NilmDB cannot replace rows: they are removed, then written anew. What is to be there is therefore
written beside it first, to a path of its own, and the range is noted in the catalog's properties.
From that moment on the replacement will be done, by whoever opens the store next if need be.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.errors import StorageError
from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.nilmdb.levels import base_path
from joule.storage.nilmdb.stored import StoredPath, piece_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.layout import Rows
    from joule.storage.interfaces import CatalogStore
    from joule.storage.nilmdb.session import Session

PROPERTY: Final = "nilmdb_rewriting"


class Covered(NamedTuple):
    """Rows and the time that they cover; the time may be longer."""

    interval: Interval
    rows: Rows


class Rewriter:
    """Replaces ranges, one at a time; the caller is alone at the stream."""

    def __init__(self, session: Session, catalog: CatalogStore) -> None:
        self._session = session
        self._catalog = catalog
        self.unfinished: int | None = None
        """The stream that a range is being replaced of."""
        self._turn = asyncio.Lock()

    async def replace(
        self, path: StoredPath, stream_id: int, bounds: Interval, content: Sequence[Covered]
    ) -> None:
        """Let the path hold this content within bounds, and nothing else there."""
        async with self._turn:
            await self._finish()
            copy = self._copy(stream_id, path.layout)
            await copy.remove()
            await copy.create()
            for covered in content:
                await copy.insert(*covered)
            note = {"stream": stream_id, "layout": str(path.layout), "range": list(bounds)}
            self.unfinished = stream_id
            await self._catalog.set_property(PROPERTY, note)
            await self._carry_out(path, stream_id, bounds, content)

    async def recover(self) -> None:
        """Carry out what another process has begun, if anything."""
        note = await self._catalog.get_property(PROPERTY)
        self.unfinished = None if note is None else int(note["stream"])
        await self.finish()

    async def finish(self) -> None:
        """Carry out what was begun and not finished, if anything."""
        async with self._turn:
            await self._finish()

    async def _finish(self) -> None:
        if self.unfinished is None:
            return
        note = await self._catalog.get_property(PROPERTY)
        if note is not None:
            stream_id, layout = int(note["stream"]), Layout.parse(note["layout"])
            path = StoredPath(self._session, base_path(stream_id), layout)
            content = await content_of(self._copy(stream_id, layout))
            await self._carry_out(path, stream_id, Interval(*note["range"]), content)
        self.unfinished = None

    async def _carry_out(
        self, path: StoredPath, stream_id: int, bounds: Interval, content: Sequence[Covered]
    ) -> None:
        await put(path, bounds, content)
        await self._catalog.set_property(PROPERTY, None)
        self.unfinished = None
        with suppress(StorageError):  # nobody looks there, and the next replacement begins with it
            await self._copy(stream_id, path.layout).destroy()

    def _copy(self, stream_id: int, layout: Layout) -> StoredPath:
        return StoredPath(self._session, f"{base_path(stream_id)}~rewriting", layout)


async def put(path: StoredPath, bounds: Interval, content: Sequence[Covered]) -> None:
    """Empty a range and put this content into it."""
    await path.remove(bounds)
    for covered in content:
        await path.insert(*covered)


async def content_of(path: StoredPath) -> list[Covered]:
    """Give everything at a path."""
    coverage = await path.coverage()
    rows = await path.extract(Interval(coverage[0].start, coverage[-1].end))
    pieces = piece_of(rows, coverage)
    return [Covered(piece, rows[pieces == i]) for i, piece in enumerate(coverage, 1)]
