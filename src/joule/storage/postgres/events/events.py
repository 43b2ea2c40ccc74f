"""Events in tables of a database, one per stream, read and removed page by page."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from joule.storage.interfaces import EventInfo
from joule.storage.postgres.events import event_reading, event_table
from joule.storage.postgres.events.event_copy import pack
from joule.storage.postgres.events.event_figures import EventFigures
from joule.storage.postgres.events.event_table import table_of
from joule.storage.postgres.tables.dropping import EVENT_STREAMS, Dropper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from asyncpg import Connection

    from joule.models.events import Event
    from joule.storage.interfaces import EventQuery, EventText
    from joule.storage.postgres.connection.server import Server
    from joule.storage.postgres.events.event_reading import Key

T = TypeVar("T")

REMOVED_EVENTS: Final = 10_000
"""So many are removed by one transaction at most."""


class PostgresEvents:
    """An ``EventStore`` in the tables ``data.event<id>``, made when they are first written to."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._figures = EventFigures()
        self._made: set[int] = set()
        self._tenure = server.tenure
        self._dropper = Dropper(server, EVENT_STREAMS, self._drop)
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def write(self, stream_id: int, events: Sequence[Event]) -> list[int]:
        if not events:
            return []
        given = [event.id if event.is_saved else None for event in events]
        packed = await asyncio.to_thread(pack, events)

        async def work(connection: Connection) -> tuple[list[int], bool]:
            table = await self._open(connection, stream_id)
            known = {id_ for id_ in given if id_ is not None}
            present = await event_table.take_out(connection, table, known)
            ids = await event_table.number(connection, table, given, present)
            await event_table.insert(connection, table, packed.numbered(ids))
            return ids, bool(present)

        with self._figures.changing(stream_id):
            ids, replaced = await self._in_turn(stream_id, work)
            self._made.add(stream_id)
            if replaced:
                self._figures.forget(stream_id)
            else:
                self._figures.add(stream_id, packed.figures())
        return ids

    async def put(self, stream_id: int, events: Sequence[Event], last_id: int = 0) -> None:
        ids = [event.id for event in events]
        packed = await asyncio.to_thread(pack, events)

        async def work(connection: Connection) -> None:
            table = await self._open(connection, stream_id)
            await event_table.take_out(connection, table, set(ids))
            await event_table.insert(connection, table, packed.numbered(ids))
            await event_table.claim(connection, table, max([last_id, *ids]))

        with self._figures.changing(stream_id):
            await self._in_turn(stream_id, work)
            self._made.add(stream_id)
            self._figures.forget(stream_id)

    async def last_id(self, stream_id: int) -> int:
        async def work(connection: Connection) -> int:
            if await self._is_there(connection, stream_id):
                return await event_table.last_id(connection, table_of(stream_id))
            return 0

        return await self._server.read(work)

    async def read(self, stream_id: int, query: EventQuery) -> list[Event]:
        return await event_reading.events_of(stream_id, await self.read_texts(stream_id, query))

    async def read_texts(self, stream_id: int, query: EventQuery) -> list[EventText]:
        return await self._ask(event_reading.texts, stream_id, query, nothing=[])

    async def count(self, stream_id: int, query: EventQuery) -> int:
        query = replace(query, limit=None)
        return await self._ask(event_reading.count, stream_id, query, nothing=0)

    async def histogram(self, stream_id: int, query: EventQuery, edges: Sequence[int]) -> list[int]:
        query, nothing = replace(query, limit=None), [0] * (len(edges) - 1)
        histogram = partial(event_reading.histogram, edges=edges)
        return await self._ask(histogram, stream_id, query, nothing=nothing)

    async def remove(self, stream_id: int, query: EventQuery) -> int:
        if query.limit is not None:
            return await self._remove_first(stream_id, query)
        query = replace(query, latest=False)

        nothing: tuple[int, Key | None] = (0, None)

        async def step(connection: Connection) -> tuple[int, Key | None]:
            keys, last = await event_reading.keys(connection, stream_id, query, REMOVED_EVENTS)
            return await event_table.remove(connection, table_of(stream_id), keys), last

        removed = 0
        while True:
            count, last = await self._remove(stream_id, step, nothing)
            removed += count
            if last is None:
                return removed
            query = replace(query, after=last)

    async def info(self, stream_id: int) -> EventInfo:
        size = await self._server.read(
            lambda connection: event_table.size_bytes(
                connection, table_of(stream_id), has_timescale=self._server.has_timescale
            )
        )
        if size is None:
            return EventInfo()
        info = await self._figures.of(stream_id, partial(self._count, stream_id))
        return replace(info, bytes=size) if info.count else EventInfo()

    async def retain(self, stream_id: int, before: int) -> int:
        async def step(connection: Connection) -> int:
            table = table_of(stream_id)
            return await event_table.remove_ended(connection, table, before, REMOVED_EVENTS)

        removed = 0
        while count := await self._remove(stream_id, step, 0):
            removed += count
        return removed

    async def drop(self, stream_ids: Sequence[int]) -> None:
        await self._dropper.drop(stream_ids)

    async def maintain(self) -> None:
        """Drop what could not be dropped."""
        await self._dropper.drop_waiting()

    async def _drop(self, stream_ids: Sequence[int]) -> None:
        await self._server.write(partial(event_table.drop, stream_ids=stream_ids))
        for stream_id in stream_ids:
            self._made.discard(stream_id)
            self._turns.pop(stream_id, None)
            self._figures.forget(stream_id)

    async def _in_turn(self, stream_id: int, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Write to a stream when nobody else does; who waits for that needs no session."""
        async with self._turns[stream_id]:
            return await self._server.write(work)

    async def _open(self, connection: Connection, stream_id: int) -> str:
        """Have a stream for this transaction alone, with its table, and give that."""
        await event_table.lock(connection, stream_id)
        if self._tenure != self._server.tenure:
            self._tenure = self._server.tenure
            self._made.clear()  # the database was out of our hands
            self._figures.forget_all()
        if stream_id not in self._made:
            await event_table.make(connection, stream_id, has_timescale=self._server.has_timescale)
        return table_of(stream_id)

    async def _ask(
        self,
        question: Callable[[Connection, int, EventQuery], Awaitable[T]],
        stream_id: int,
        query: EventQuery,
        *,
        nothing: T,
    ) -> T:
        """Give the answer to a question, ``nothing`` while the stream has no table."""

        async def work(connection: Connection) -> T:
            if await self._is_there(connection, stream_id):
                return await question(connection, stream_id, query)
            return nothing

        return await self._server.read(work)

    async def _remove(
        self, stream_id: int, step: Callable[[Connection], Awaitable[T]], nothing: T
    ) -> T:
        """Carry out a step of a removal in a transaction of its own."""

        async def work(connection: Connection) -> T:
            return (
                await step(connection) if await self._is_there(connection, stream_id) else nothing
            )

        with self._figures.changing(stream_id):
            result = await self._server.write(work)
            self._figures.forget(stream_id)
        return result

    async def _remove_first(self, stream_id: int, query: EventQuery) -> int:
        """Remove no more than ``limit`` events."""
        keys = [(start, id_) for start, id_, *_ in await self.read_texts(stream_id, query)]
        removed = 0
        for at in range(0, len(keys), REMOVED_EVENTS):
            some = keys[at : at + REMOVED_EVENTS]
            step = partial(event_table.remove, table=table_of(stream_id), keys=some)
            removed += await self._remove(stream_id, step, 0)
        return removed

    async def _is_there(self, connection: Connection, stream_id: int) -> bool:
        return stream_id in self._made or await event_table.exists(connection, stream_id)

    async def _count(self, stream_id: int) -> EventInfo:
        return await self._server.read(partial(event_table.figures, table=table_of(stream_id)))
