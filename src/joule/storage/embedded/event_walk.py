"""The walk over the events that a query means, page by page, and what is made of them."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from joule.errors import StorageDamagedError
from joule.models.events import Event
from joule.storage.embedded.damage import time_range
from joule.storage.embedded.event_table import PAGE_EVENTS, parts
from joule.wire.json_text import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from joule.storage.interfaces import EventQuery, EventText

T = TypeVar("T")
Make: TypeAlias = "Callable[[int, list[EventText], list[Any]], list[T]]"


class Walk(Generic[T]):
    """The events that match a query, page by page, each page in a transaction of its own.

    Goes upwards, or downwards from the end when the query wants the latest; pages always are in
    the direction of the walk. ``make`` makes something of each event of a page, given its row and
    its content, page by page: :func:`events_of` or :func:`texts_of`.
    """

    def __init__(self, stream_id: int, query: EventQuery, make: Make[T]) -> None:
        self._make = make
        self._latest = query.latest
        self._where = query.where
        self._left = query.limit
        self._parts = parts(stream_id, query)
        if self._latest:
            self._parts.reverse()

    def step(self, connection: apsw.Connection) -> list[T] | None:
        """Give the events of the next page, perhaps none, or None at the end."""
        if not self._parts or self._left == 0:
            return None
        part = self._parts[0]
        limit = PAGE_EVENTS
        if self._where is None and self._left is not None:
            limit = min(limit, self._left)
        rows = part.page(connection, limit, latest=self._latest)
        if len(rows) < limit:
            del self._parts[0]
        else:
            self._parts[0] = part.beyond(rows[-1][:2], latest=self._latest)
        contents = _contents(part.stream_id, rows)
        if self._where is not None:
            matching = list(map(self._where.matches, contents))
            rows, contents = list(compress(rows, matching)), list(compress(contents, matching))
        return self._take(self._make(part.stream_id, rows, contents))

    def _take(self, events: list[T]) -> list[T]:
        if self._left is None:
            return events
        taken = events[: self._left]
        self._left -= len(taken)
        return taken


def _contents(stream_id: int, rows: list[EventText]) -> list[Any]:
    try:
        return _values([row[3] for row in rows])
    except (ValueError, TypeError) as error:
        place = time_range(*sorted((rows[0][0], rows[-1][0])))
        raise StorageDamagedError(
            f"events of event stream {stream_id}, {place}: {error}"
        ) from error


def _values(texts: list[str]) -> list[Any]:
    # One call of the parser for a whole page is three times as fast as one for each event.
    values: list[Any] = decoded(f"[{','.join(texts)}]")
    if len(values) != len(texts):
        raise ValueError("a content is not one value")
    return values


def events_of(stream_id: int, rows: list[EventText], contents: list[Any]) -> list[Event]:
    """Make events of rows and their contents."""
    return [
        Event(start, end, content, id_, stream_id)
        for (start, id_, end, _), content in zip(rows, contents, strict=True)
    ]


def texts_of(_stream_id: int, rows: list[EventText], _contents: list[Any]) -> list[EventText]:
    """Give rows as they are, now that their contents could be read."""
    return rows
