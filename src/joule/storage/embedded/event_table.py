"""Events as rows of one SQLite table: the statements, and what of it a query means.

Events lie in the order of (stream, start, id), so a range is read in one sweep. To find those that
began before a range and are still going on there, every event has a ``reach``: the number of
hexadecimal digits of its length, or ``OPEN`` when it has no end. An event of reach ``r`` is shorter
than ``16 ** r`` us, so per reach only that much time before the range has to be searched.

Everything here runs on a thread of the database, inside a transaction.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from joule.models.intervals import MIN_TIME
from joule.storage.embedded import doomed
from joule.storage.embedded.event_sums import event_sums
from joule.storage.embedded.row_sums import number_sum
from joule.storage.interfaces import EventInfo, Kind
from joule.wire.json_text import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

    from joule.models.events import Event
    from joule.storage.interfaces import EventQuery

OPEN = 17
"""Reach of an event without end; a length in int64 has at most 16 digits."""

PAGE_EVENTS = 2000
INSERTED_EVENTS = 100
"""So many are inserted by one statement: in two thirds of the time that one after another takes."""

ROW_BYTES = 82
"""Room that an event takes beside its content: keys, three B-trees, page headers."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    stream INTEGER NOT NULL, start INTEGER NOT NULL, id INTEGER NOT NULL, "end" INTEGER,
    reach INTEGER NOT NULL, content TEXT NOT NULL, sum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (stream, start, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS event_id ON event (stream, id);
CREATE INDEX IF NOT EXISTS event_reach ON event (stream, reach, start);
CREATE TABLE IF NOT EXISTS event_total (
    stream INTEGER PRIMARY KEY, next_id INTEGER NOT NULL, events INTEGER NOT NULL,
    content_bytes INTEGER NOT NULL, sum INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
SCHEMA += doomed.SCHEMA

_REACHES = f"(VALUES {', '.join(f'({r}, {16**r})' for r in range(OPEN))}, ({OPEN}, {16**OPEN}))"
_IN_RANGE = "FROM event WHERE stream = ?1 AND (start, id) > (?2, ?3) AND (start, id) < (?4, ?5)"
# The plus signs keep the planner from searching by the keys: the reach narrows it down more.
_EARLIER = f"""
FROM {_REACHES} AS reaches CROSS JOIN event INDEXED BY event_reach
WHERE stream = ?1 AND reach = reaches.column1
AND start >= max(?2, ?6 - reaches.column2) AND start <= ?4
AND (+start, +id) > (?2, ?3) AND (+start, +id) < (?4, ?5)
AND ("end" >= ?6 OR "end" IS NULL)
"""
_ENDED = f"""
SELECT start, id FROM {_REACHES} AS reaches CROSS JOIN event INDEXED BY event_reach
WHERE stream = ?1 AND reach = reaches.column1 AND start < ?2 AND "end" < ?2 LIMIT ?3
"""
_LARGEST_END = f"""
SELECT max("end") FROM {_REACHES} AS reaches CROSS JOIN event INDEXED BY event_reach
WHERE stream = ?1 AND reach = reaches.column1 AND start >= (
    SELECT max(start) FROM event INDEXED BY event_reach
    WHERE stream = ?1 AND reach = reaches.column1
) - reaches.column2
"""
_FIRST_START = "SELECT start FROM event WHERE stream = ? ORDER BY start LIMIT 1"
_TOTAL = "SELECT next_id, events, content_bytes FROM event_total WHERE stream = ?"
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"
_INSERT_MANY = _INSERT + ", (?, ?, ?, ?, ?, ?, ?)" * (INSERTED_EVENTS - 1)
_ERASE = """
DELETE FROM event WHERE stream = ? AND start = ? AND id = ? RETURNING octet_length(content)
"""
_FIND = "SELECT start, id FROM event WHERE stream = ? AND id = ?"

Key: TypeAlias = tuple[int, int]
"""Start time and id of an event: its place in the order of a stream."""


class Part(NamedTuple):
    """The events of a stream between two keys, both exclusive, in one sweep of the table.

    With ``ongoing_at`` only those that end at or after that time or have no end.
    """

    stream_id: int
    low: Key
    high: Key
    ongoing_at: int | None = None

    def clip(self, start: int, end: int) -> Part:
        """Give the part of it that begins in ``[start, end)``."""
        return self._replace(low=max(self.low, (start, -1)), high=min(self.high, (end, -1)))

    def beyond(self, key: Key, *, latest: bool) -> Part:
        """Give what is left behind ``key``, or before it when read from the end."""
        return self._replace(high=key) if latest else self._replace(low=key)

    def source(self) -> tuple[str, tuple[int, ...]]:
        """Give the FROM and WHERE clauses and what to bind to them."""
        bindings = (self.stream_id, *self.low, *self.high)
        if self.ongoing_at is None:
            return _IN_RANGE, bindings
        return _EARLIER, (*bindings, self.ongoing_at)

    def page(self, connection: apsw.Connection, limit: int, *, latest: bool) -> list[Any]:
        """Give the first (or last, from the end) rows: start, id, end, content."""
        source, bindings = self.source()
        order = "start DESC, id DESC" if latest else "start, id"
        sql = f'SELECT start, id, "end", content {source} ORDER BY {order} LIMIT {limit}'
        return connection.execute(sql, bindings).fetchall()

    def count(self, connection: apsw.Connection) -> int:
        """Give the number of events."""
        if self.low >= self.high:
            return 0
        source, bindings = self.source()
        ((count,),) = connection.execute(f"SELECT count(*) {source}", bindings)
        return int(count)


def parts(stream_id: int, query: EventQuery) -> list[Part]:
    """Give the parts that a query selects by time, in the order of time."""
    start, end = query.interval
    low = query.after or (MIN_TIME, -1)
    inside = Part(stream_id, low, (end, -1)).clip(start, end)
    if not query.ongoing:
        return [inside]
    return [Part(stream_id, low, (min(start, end), -1), ongoing_at=start), inside]


def store(connection: apsw.Connection, stream_id: int, events: Sequence[Event]) -> list[int]:
    """Insert events, replacing those whose id is there; give their ids."""
    next_id, _, _ = total(connection, stream_id)
    given = [event.id if event.is_saved else 0 for event in events]
    known = set(given) - {0}
    keys = [key for id_ in known for key in connection.execute(_FIND, (stream_id, id_))]
    ids, next_id = _number(given, {id_ for _, id_ in keys}, next_id)
    erase(connection, stream_id, keys)
    _store(connection, stream_id, events, ids, next_id)
    return ids


def put(connection: apsw.Connection, stream_id: int, events: Sequence[Event], last_id: int) -> None:
    """Insert events under the ids they have, replacing those that are there."""
    ids = [event.id for event in events]
    erase(
        connection, stream_id, [k for i in ids for k in connection.execute(_FIND, (stream_id, i))]
    )
    _store(connection, stream_id, events, ids, 1 + max([last_id, *ids]))


def _store(
    connection: apsw.Connection,
    stream_id: int,
    events: Sequence[Event],
    ids: Sequence[int],
    next_id: int,
) -> None:
    starts = [event.start_time for event in events]
    ends = [event.end_time for event in events]
    contents = [encoded(event.content) for event in events]
    streams = [stream_id] * len(ids)
    reaches = map(reach_of, starts, ends)
    sums = event_sums(streams, starts, ids, ends, contents)
    columns = (streams, starts, ids, ends, reaches, map(bytes.decode, contents), sums)
    rows = dict(zip(ids, zip(*columns, strict=True), strict=True))  # of an id the last one
    sizes = dict(zip(ids, map(len, contents), strict=True))
    _insert(connection, list(rows.values()))
    _add(connection, stream_id, len(rows), sum(sizes.values()), next_id)


def _insert(connection: apsw.Connection, rows: list[tuple[Any, ...]]) -> None:
    whole = len(rows) - len(rows) % INSERTED_EVENTS
    for first in range(0, whole, INSERTED_EVENTS):
        values = chain.from_iterable(rows[first : first + INSERTED_EVENTS])
        connection.execute(_INSERT_MANY, tuple(values))
    connection.executemany(_INSERT, rows[whole:])


def reach_of(start: int, end: int | None) -> int:
    """Give the reach of an event."""
    return OPEN if end is None else (max(0, end - start).bit_length() + 3) // 4


def _number(given: Sequence[int], present: set[int], next_id: int) -> tuple[list[int], int]:
    """Give ids: the present ones stay, new ones go first to those that came with 0, without any."""
    ids = list(given)
    fresh = [i for i, id_ in enumerate(ids) if id_ == 0]
    unknown = [i for i, id_ in enumerate(ids) if id_ != 0 and id_ not in present]
    for i in fresh + unknown:
        ids[i] = next_id
        next_id += 1
    return ids, next_id


def erase(connection: apsw.Connection, stream_id: int, keys: Iterable[Key]) -> int:
    """Delete events by key and give their number."""
    doomed = [(stream_id, *key) for key in keys]
    if not doomed:
        return 0
    sizes = [size for (size,) in connection.executemany(_ERASE, doomed)]
    _add(connection, stream_id, -len(sizes), -sum(sizes))
    return len(sizes)


def erase_ended(connection: apsw.Connection, stream_id: int, before: int) -> int:
    """Delete a page of the events that ended before a time and give their number."""
    keys: list[Any] = connection.execute(_ENDED, (stream_id, before, PAGE_EVENTS)).fetchall()
    return erase(connection, stream_id, keys)


def erase_stream(connection: apsw.Connection, stream_id: int) -> int:
    """Delete a page of all events of a stream, when none are left its counter; their number."""
    sql = "SELECT start, id FROM event WHERE stream = ? LIMIT ?"
    keys: list[Any] = connection.execute(sql, (stream_id, PAGE_EVENTS)).fetchall()
    erased = erase(connection, stream_id, keys)
    if not erased:
        connection.execute("DELETE FROM event_total WHERE stream = ?", (stream_id,))
        doomed.unmark(connection, Kind.EVENT_STREAM, [stream_id])
    return erased


def total(connection: apsw.Connection, stream_id: int) -> tuple[int, int, int]:
    """Give the next id, the number of events and the bytes of their contents."""
    row: tuple[int, int, int] | None = connection.execute(_TOTAL, (stream_id,)).fetchone()
    return row or (1, 0, 0)


def _add(
    connection: apsw.Connection, stream_id: int, events: int, size: int, next_id: int = 1
) -> None:
    known_id, known_events, known_size = total(connection, stream_id)
    row = (stream_id, max(known_id, next_id), known_events + events, known_size + size)
    connection.execute(
        "INSERT OR REPLACE INTO event_total VALUES (?, ?, ?, ?, ?)", (*row, number_sum(*row))
    )


def info(connection: apsw.Connection, stream_id: int) -> EventInfo:
    """Give the figures of a stream."""
    _, events, content_bytes = total(connection, stream_id)
    if not events:
        return EventInfo()
    ((start,),) = connection.execute(_FIRST_START, (stream_id,))
    ((end,),) = connection.execute(_LARGEST_END, (stream_id,))
    return EventInfo(events, start, end, content_bytes + events * ROW_BYTES)
