"""Which events of a table a query means, as SQL.

Events that begin in a range are found by the index on the start time, which Joule 1.0 makes. To
find those that began before a range and are still going on there, the long ones have an index of
their own, and the very long ones another: of the short ones only those that began shortly before
the range have to be looked at, and there are few of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from joule.storage.postgres.connection.times import FIRST_US, bound
from joule.storage.postgres.events.event_filter_sql import filter_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.storage.interfaces import EventQuery

LONG_HOURS: Final = (1, 768)
"""Events longer than that are in an index of their own."""

_HOUR_US: Final = 3_600_000_000
_COLUMNS: Final = "id, start_time, end_time, content"


def longer_than(hours: int) -> str:
    """Give the condition for an event of more than so many hours."""
    return f"end_time > start_time + interval '{hours} hours'"


class Selection:
    """The events of a table that a query selects, ``limit`` and ``latest`` disregarded.

    ``bindings`` are the values of the parameters of its SQL, to which a statement may :meth:`bind`
    more. With a filter more may be selected than match.
    """

    def __init__(self, table: str, query: EventQuery) -> None:
        self.bindings: list[Any] = []
        self._latest = query.latest
        self._sweeps = [
            f"SELECT {_COLUMNS} FROM {table} WHERE {' AND '.join(conditions)}"
            for conditions in self._conditions(query)
        ]

    def bind(self, value: Any) -> str:
        """Add a value and give the parameter that stands for it."""
        self.bindings.append(value)
        return f"${len(self.bindings)}"

    @property
    def source(self) -> str:
        """The FROM clause of all that is selected."""
        return f"FROM ({' UNION ALL '.join(self._sweeps)}) AS event"

    def first(self, columns: str, limit: int | None) -> str:
        """Give the statement that reads by start time and id, or from the end when latest."""
        order = "ORDER BY " + ("start_time DESC, id DESC" if self._latest else "start_time, id")
        if limit is None:
            return f"SELECT {columns} {self.source} {order}"
        order += f" LIMIT {self.bind(limit)}"
        # Told of the limit, no sweep goes further than that.
        sweeps = " UNION ALL ".join(f"({sweep} {order})" for sweep in self._sweeps)
        return f"SELECT {columns} FROM ({sweeps}) AS event {order}"

    def _conditions(self, query: EventQuery) -> Iterator[list[str]]:
        """Give the conditions of each sweep of the table; none selects what another does."""
        start, end = query.interval
        common = list(self._common(query))
        inside = [f"start_time < {self.bind(bound(end))}"]
        if start < FIRST_US:
            yield inside + common
            return
        time = self.bind(start)
        yield [*inside, f"start_time >= {time}", *common]
        if query.ongoing:
            began = f"start_time < {self.bind(bound(min(start, end)))}"
            for earlier in self._lengths(start):
                yield [began, f"end_time >= {time}", *earlier, *common]

    def _common(self, query: EventQuery) -> Iterator[str]:
        if query.after is not None:
            start, id_ = query.after
            yield f"(start_time, id) > ({self.bind(bound(start))}, {self.bind(id_)}::bigint)"
        matching = None if query.where is None else filter_sql(query.where, self.bind)
        if matching is not None:
            yield matching

    def _lengths(self, start: int) -> Iterator[list[str]]:
        """Give the conditions for short, long and very long events that may last until a time."""
        for hours, more in zip((None, *LONG_HOURS), (*LONG_HOURS, None), strict=True):
            conditions = [] if hours is None else [longer_than(hours)]
            if more is not None:
                since = self.bind(bound(start - more * _HOUR_US))
                conditions += [f"start_time >= {since}", f"NOT {longer_than(more)}"]
            yield conditions
