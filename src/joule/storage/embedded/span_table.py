"""Where spans lie in SQLite: what is known of many neighbouring chunks at once.

A span of level 1 covers neighbouring chunks, one of level 2 neighbouring spans of level 1, and so
on. The spans of a level follow one another without a gap: every chunk between the first and the
last of them is in one. What lies before or behind them is found a level below. A span is never
changed: when something below it changes it is removed, and ``covering`` makes others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from joule.models.intervals import MAX_TIME, MIN_TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

SCHEMA: Final = """
    -- first and last are the timestamps of the first and the last row, both inclusive.
    CREATE TABLE IF NOT EXISTS span (
        id INTEGER PRIMARY KEY,
        stream INTEGER NOT NULL,
        level INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        groups BLOB
    );
    CREATE INDEX IF NOT EXISTS span_place ON span (stream, level, first, last, rows);
"""


class Span(NamedTuple):
    """Neighbouring chunks as one; ``groups`` is None when no groups are stored for them."""

    first: int
    last: int
    rows: int
    groups: bytes | None


class Bounds(NamedTuple):
    """Timestamps of the first and the last row of a span."""

    first: int
    last: int


class Part(NamedTuple):
    """A piece of a range that is best read at one level; level 0 stands for chunks.

    ``first`` and ``last`` are both inclusive.
    """

    level: int
    first: int
    last: int


class Hole(NamedTuple):
    """A place where something has changed; spans over it are gone up to the level ``depth``."""

    first: int
    last: int
    depth: int

    def union(self, other: Hole) -> Hole:
        """Give a hole that is both, with what lies between."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return Hole(first, last, max(self.depth, other.depth))


_AT: Final = "FROM span WHERE stream = ?1 AND level = ?2"
_REMOVE: Final = f"""
    DELETE {_AT} AND first <= ?4 AND last >= ?3 AND first >= ifnull(
        (SELECT max(first) {_AT} AND first <= ?3), ?3)
"""


class SpanTable:
    """The spans of all streams, seen through one connection and its current transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._ends: dict[int, int] = {}

    # ------------------------------------------------------------------ finding

    def outline(self, stream: int, first: int, last: int, top: int | None = None) -> list[Part]:
        """Cut ``[first, last]`` into pieces, each read at the highest level that has it as a whole.

        No piece is of a level above ``top``. A piece of a level begins and ends where spans do.
        """
        highest = self.top(stream)
        return self._outline(stream, first, last, highest if top is None else min(top, highest))

    def _outline(self, stream: int, first: int, last: int, level: int) -> list[Part]:
        if first > last:
            return []
        if level == 0:
            return [Part(0, first, last)]
        inside = self._inside(stream, level, first, last)
        if inside is None:
            return self._outline(stream, first, last, level - 1)
        before = self._outline(stream, first, inside.first - 1, level - 1)
        behind = self._outline(stream, inside.last + 1, last, level - 1)
        return [*before, Part(level, *inside), *behind]

    def _inside(self, stream: int, level: int, first: int, last: int) -> Bounds | None:
        """Give the bounds of the spans of a level that lie in ``[first, last]`` as a whole."""
        low = f"SELECT first {_AT} AND first >= ?3 ORDER BY first LIMIT 1"
        high = f"SELECT last {_AT} AND first <= ?3 AND last <= ?3 ORDER BY first DESC LIMIT 1"
        begin = self._execute(low, (stream, level, first)).get
        end = self._execute(high, (stream, level, last)).get
        return None if begin is None or end is None or end < begin else Bounds(begin, end)

    def top(self, stream: int) -> int:
        """Give the highest level that a stream has spans of, 0 when it has none."""
        return self._execute("SELECT max(level) FROM span WHERE stream = ?", (stream,)).get or 0

    def end(self, stream: int) -> int:
        """Give a time behind which no row of a stream is in a span."""
        if stream not in self._ends:
            last = self.before(stream, 1, MAX_TIME)
            self._ends[stream] = MIN_TIME if last is None else last.last
        return self._ends[stream]

    def rows(self, stream: int, part: Part) -> int:
        """Sum up the rows of the spans of a part."""
        sql = f"SELECT ifnull(sum(rows), 0) {_AT} AND first BETWEEN ?3 AND ?4"
        return int(self._execute(sql, (stream, *part)).get)

    def spans(self, stream: int, part: Part) -> Iterator[Span]:
        """Give the spans of a level that begin in the part, in order of time."""
        sql = f"SELECT first, last, rows, groups {_AT} AND first BETWEEN ?3 AND ?4 ORDER BY first"
        return map(Span._make, self._execute(sql, (stream, *part)))

    def before(self, stream: int, level: int, time: int) -> Bounds | None:
        """Give the last span of a level that begins before ``time``."""
        sql = f"SELECT first, last {_AT} AND first < ?3 ORDER BY first DESC LIMIT 1"
        found = self._execute(sql, (stream, level, time)).fetchone()
        return None if found is None else Bounds._make(found)

    def behind(self, stream: int, level: int, time: int) -> Bounds | None:
        """Give the first span of a level that begins after ``time``."""
        sql = f"SELECT first, last {_AT} AND first > ?3 ORDER BY first LIMIT 1"
        found = self._execute(sql, (stream, level, time)).fetchone()
        return None if found is None else Bounds._make(found)

    # ------------------------------------------------------------------ changing

    def put(self, stream: int, level: int, span: Span) -> None:
        """Add a span."""
        self._execute(
            "INSERT INTO span (stream, level, first, last, rows, groups) VALUES (?, ?, ?, ?, ?, ?)",
            (stream, level, *span),
        )
        self._ends.pop(stream, None)

    def uncover(self, stream: int, first: int, last: int, level: int = 1) -> int:
        """Remove what covers any of ``[first, last]`` from a level on; the highest there was, or 0.

        A place between two spans may be covered by one of a higher level.
        """
        highest = 0
        if first > self.end(stream):
            return highest  # mostly: rows come in behind all others
        for number in range(level, self.top(stream) + 1):
            self._execute(_REMOVE, (stream, number, first, last))
            if self._connection.changes():
                highest = number
        if highest:
            self._ends.pop(stream, None)
        return highest

    def drop_groups(self, stream: int) -> None:
        """Forget the groups of all spans of a stream; their rows still count."""
        self._execute(
            "UPDATE span SET groups = NULL WHERE stream = ? AND groups IS NOT NULL", (stream,)
        )
