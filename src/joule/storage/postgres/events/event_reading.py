"""The events that a query means, read from their table and judged by their content."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from contextlib import aclosing
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from joule.errors import StorageDamagedError
from joule.models.events import Event
from joule.storage.postgres.connection.connecting import LONG_S
from joule.storage.postgres.connection.times import bound
from joule.storage.postgres.events.event_content import shown_content
from joule.storage.postgres.events.event_query import Selection
from joule.storage.postgres.events.event_table import table_of
from joule.wire.json_text import decoded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from asyncpg import Connection, Record

    from joule.models.filters import EventFilter
    from joule.storage.interfaces import EventQuery, EventText

Key: TypeAlias = tuple[int, int]
"""Start time and id of an event: its place in the order of a stream."""

PAGE_EVENTS: Final = 2000

_COLUMNS: Final = "start_time, id, NULLIF(end_time, 'infinity'), COALESCE(content, '{}')"
_KEYS: Final = "start_time, id, NULL, ''"


async def texts(connection: Connection, stream_id: int, query: EventQuery) -> list[EventText]:
    """Give the events that match, by start time and id."""
    if query.limit == 0:
        return []
    if query.where is None:
        found = await _first(connection, stream_id, query, query.limit, _COLUMNS)
    else:
        async with aclosing(matching(connection, stream_id, query)) as pages:
            found = [row async for page in pages for row in page]
    return found[::-1] if query.latest else found


async def count(connection: Connection, stream_id: int, query: EventQuery) -> int:
    """Count the events that match, ``limit`` disregarded."""
    if query.where is not None:
        async with aclosing(matching(connection, stream_id, query)) as pages:
            return sum([len(page) async for page in pages])
    selection = Selection(table_of(stream_id), query)
    sql = f"SELECT count(*) {selection.source}"
    return int(await connection.fetchval(sql, *selection.bindings, timeout=LONG_S))


async def histogram(
    connection: Connection, stream_id: int, query: EventQuery, edges: Sequence[int]
) -> list[int]:
    """Count the events that match and start between each two of ``edges``."""
    counts = [0] * (len(edges) + 1)
    if query.where is not None:
        async with aclosing(matching(connection, stream_id, query)) as pages:
            async for page in pages:
                for start, *_ in page:
                    counts[bisect_right(edges, start)] += 1
    else:
        selection = Selection(table_of(stream_id), query)
        bucket = f"width_bucket(start_time, {selection.bind(list(map(bound, edges)))}::timestamp[])"
        sql = f"SELECT {bucket}, count(*) {selection.source} GROUP BY 1"
        for place, number in await connection.fetch(sql, *selection.bindings, timeout=LONG_S):
            counts[place] = number
    return counts[1:-1]


async def keys(
    connection: Connection, stream_id: int, query: EventQuery, limit: int
) -> tuple[list[Key], Key | None]:
    """Give the keys of those of the first ``limit`` events that match.

    And the last key that was looked at, None when there are no more behind it.
    """
    columns = _KEYS if query.where is None else _COLUMNS
    rows = await _first(connection, stream_id, query, limit, columns)
    found = [(start, id_) for start, id_, *_ in await _judged(stream_id, query.where, rows)]
    return found, rows[-1][:2] if len(rows) == limit else None


async def matching(
    connection: Connection, stream_id: int, query: EventQuery
) -> AsyncGenerator[list[EventText], None]:
    """Give the events that match page by page, of one moment; from the end when latest."""
    selection = Selection(table_of(stream_id), query)
    sql = selection.first(_COLUMNS, None)
    left = query.limit
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(sql, *selection.bindings)
        while left != 0 and (found := _shown(await cursor.fetch(PAGE_EVENTS, timeout=LONG_S))):
            page = await _judged(stream_id, query.where, found)
            if left is not None:
                page = page[:left]
                left -= len(page)
            yield page


async def _first(
    connection: Connection, stream_id: int, query: EventQuery, limit: int | None, columns: str
) -> list[EventText]:
    """Give the first events, or the last from the end; with a filter more than match."""
    selection = Selection(table_of(stream_id), query)
    sql = selection.first(columns, limit)
    return _shown(await connection.fetch(sql, *selection.bindings, timeout=LONG_S))


async def _judged(
    stream_id: int, where: EventFilter | None, rows: list[EventText]
) -> list[EventText]:
    """Give those of some events that match a filter."""
    if where is None:
        return rows
    contents = await _contents(stream_id, rows)
    return list(compress(rows, map(where.matches, contents)))


async def events_of(stream_id: int, rows: list[EventText]) -> list[Event]:
    """Make events of what is stored."""
    return [
        Event(start, end, content, id_, stream_id)
        for page in (rows[at : at + PAGE_EVENTS] for at in range(0, len(rows), PAGE_EVENTS))
        for (start, id_, end, _), content in zip(
            page, await _contents(stream_id, page), strict=True
        )
    ]


def _shown(records: list[Record]) -> list[EventText]:
    return [(start, id_, end, shown_content(text)) for start, id_, end, text in records]


async def _contents(stream_id: int, rows: list[EventText]) -> list[Any]:
    try:
        return await asyncio.to_thread(_values, [row[3] for row in rows])
    except (ValueError, TypeError) as error:
        raise StorageDamagedError(f"events of event stream {stream_id}: {error}") from error


def _values(texts: list[str]) -> list[Any]:
    # One call of the parser for a whole page is three times as fast as one for each event.
    values: list[Any] = decoded(f"[{','.join(texts)}]")
    return [value if isinstance(value, dict) else {} for value in values]
