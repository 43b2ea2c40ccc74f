"""Events in the embedded engine's file, read and removed page by page."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from joule.storage.embedded import doomed, event_table
from joule.storage.embedded.event_table import SCHEMA, parts
from joule.storage.embedded.event_walk import T, Walk, events_of, texts_of
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    import apsw

    from joule.models.events import Event
    from joule.storage.embedded.database import Database
    from joule.storage.interfaces import EventInfo, EventQuery, EventText

__all__ = ["SCHEMA", "EmbeddedEvents"]


SWEEPS = 8


def _sweep(connection: apsw.Connection) -> bool:
    """Remove a page of the events of a deleted stream; whether there was one."""
    stream = next(iter(doomed.marked(connection, Kind.EVENT_STREAM)), None)
    if stream is not None:
        event_table.erase_stream(connection, stream)
    return stream is not None


class EmbeddedEvents:
    """An ``EventStore`` in the embedded engine's file.

    A long read or removal holds no transaction between its pages: it neither keeps the log from
    being emptied nor rows of the sample store from being committed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, stream_id: int, events: Sequence[Event]) -> list[int]:
        if not events:
            return []
        return await self._database.write(lambda c: event_table.store(c, stream_id, events))

    async def put(self, stream_id: int, events: Sequence[Event], last_id: int = 0) -> None:
        await self._database.write(lambda c: event_table.put(c, stream_id, events, last_id))

    async def last_id(self, stream_id: int) -> int:
        return await self._database.read(lambda c: event_table.total(c, stream_id)[0] - 1)

    async def read(self, stream_id: int, query: EventQuery) -> list[Event]:
        return await self._found(Walk(stream_id, query, events_of), query)

    async def read_texts(self, stream_id: int, query: EventQuery) -> list[EventText]:
        return await self._found(Walk(stream_id, query, texts_of), query)

    async def count(self, stream_id: int, query: EventQuery) -> int:
        query = replace(query, limit=None)
        if query.where is not None:
            return sum([len(page) async for page in self._pages(Walk(stream_id, query, texts_of))])
        selected = parts(stream_id, query)
        return await self._database.read(lambda c: sum(part.count(c) for part in selected))

    async def histogram(self, stream_id: int, query: EventQuery, edges: Sequence[int]) -> list[int]:
        query = replace(query, limit=None)
        if query.where is not None:
            return await self._histogram_of_matches(stream_id, query, edges)
        buckets = [
            [part.clip(start, end) for part in parts(stream_id, query)]
            for start, end in pairwise(edges)
        ]
        return await self._database.read(
            lambda c: [sum(part.count(c) for part in bucket) for bucket in buckets]
        )

    async def remove(self, stream_id: int, query: EventQuery) -> int:
        walk = Walk(stream_id, query, texts_of)

        def step(connection: apsw.Connection) -> int | None:
            rows = walk.step(connection)
            if rows is None:
                return None
            return event_table.erase(
                connection, stream_id, [(start, id_) for start, id_, *_ in rows]
            )

        removed = 0
        while (count := await self._database.write(step)) is not None:
            removed += count
        return removed

    async def info(self, stream_id: int) -> EventInfo:
        return await self._database.read(lambda c: event_table.info(c, stream_id))

    async def retain(self, stream_id: int, before: int) -> int:
        return await self._erase(lambda c: event_table.erase_ended(c, stream_id, before))

    async def drop(self, stream_ids: Sequence[int]) -> None:
        for stream_id in stream_ids:
            await self._erase(partial(event_table.erase_stream, stream_id=stream_id))

    async def maintain(self) -> None:
        """Remove a bounded number of the events of deleted streams."""
        for _ in range(SWEEPS):
            if not await self._database.write(_sweep):
                break

    async def _erase(self, step: Callable[[apsw.Connection], int]) -> int:
        """Repeat ``step`` until it erases nothing and give the number of all that it erased."""
        erased = 0
        while count := await self._database.write(step):
            erased += count
        return erased

    async def _found(self, walk: Walk[T], query: EventQuery) -> list[T]:
        found = [event async for page in self._pages(walk) for event in page]
        if query.latest:
            found.reverse()
        return found

    async def _pages(self, walk: Walk[T]) -> AsyncIterator[list[T]]:
        while (page := await self._database.read(walk.step)) is not None:
            yield page

    async def _histogram_of_matches(
        self, stream_id: int, query: EventQuery, edges: Sequence[int]
    ) -> list[int]:
        counts = [0] * (len(edges) - 1)
        async for page in self._pages(Walk(stream_id, query, texts_of)):
            for start, *_ in page:
                if edges[0] <= start < edges[-1]:
                    counts[bisect_right(edges, start) - 1] += 1
        return counts
