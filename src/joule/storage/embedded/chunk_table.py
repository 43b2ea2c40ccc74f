"""Where chunks and their pyramids lie in SQLite.

The rest of the store sees the narrow interface of :class:`ChunkTable`: put, find, remove. It
knows bytes, timestamps and row counts, and leaves it to others what the bytes mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from joule.errors import StorageDamagedError
from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.storage.embedded import pyramid_table, total_table
from joule.storage.embedded.damage import time_range
from joule.storage.embedded.pyramid_table import PyramidTable
from joule.storage.embedded.row_sums import blob_sum
from joule.storage.embedded.span_table import Hole, SpanTable
from joule.storage.embedded.total_table import TotalTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import apsw

    from joule.models.intervals import Interval

_OWN_SCHEMA: Final = """
    -- first and last are the timestamps of the first and the last row, both inclusive.
    CREATE TABLE IF NOT EXISTS chunk (
        stream INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        data INTEGER NOT NULL,
        data_bytes INTEGER NOT NULL,
        pyramid_bytes INTEGER NOT NULL,
        breaks BLOB,
        break_sum INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (stream, first)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS chunk_with_breaks ON chunk (stream, first) WHERE breaks IS NOT NULL;
    CREATE TABLE IF NOT EXISTS chunk_data (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
"""
SCHEMA: Final = _OWN_SCHEMA + total_table.SCHEMA + pyramid_table.SCHEMA


class Chunk(NamedTuple):
    """What is known of a chunk without decoding it."""

    first: int
    last: int
    rows: int
    data: int
    data_bytes: int
    pyramid_bytes: int
    breaks: bytes | None


class NewChunk(NamedTuple):
    """A chunk to be stored: what is known of it, the bytes of its rows and of each level."""

    first: int
    last: int
    rows: int
    data: bytes
    breaks: bytes | None
    pyramid: list[tuple[int, bytes]]


_COLUMNS: Final = "c.first, c.last, c.rows, c.data, c.data_bytes, c.pyramid_bytes, c.breaks"
_NEXT: Final = f"""
    SELECT {_COLUMNS} FROM chunk c WHERE c.stream = ?1 AND c.last >= ?2 AND c.first >= ifnull(
        (SELECT max(first) FROM chunk WHERE stream = ?1 AND first <= ?2), ?2)
    ORDER BY c.first
"""
_WITH_BREAKS: Final = f"""
    SELECT {_COLUMNS}, (
        SELECT p.last FROM chunk p WHERE p.stream = ?1 AND p.first < c.first
        ORDER BY p.first DESC LIMIT 1)
    FROM chunk c INDEXED BY chunk_with_breaks
    WHERE c.stream = ?1 AND c.breaks IS NOT NULL AND c.first < ?3 AND c.first >= ifnull(
        (SELECT max(first) FROM chunk WHERE stream = ?1 AND first <= ?2), ?2)
    ORDER BY c.first
"""


def _chunk(row: tuple[Any, ...]) -> Chunk:
    """Take a row of the table; SQLite has no checksum of its own for it."""
    chunk = Chunk._make(row)
    try:
        is_whole = chunk.first <= chunk.last and chunk.rows > 0 and chunk.data > 0
    except TypeError:
        is_whole = False
    if not is_whole or not (chunk.breaks is None or isinstance(chunk.breaks, bytes)):
        raise StorageDamagedError(f"the entry of the chunk of {chunk.first} us is not whole")
    return chunk


class ChunkTable:
    """The chunks of all streams, seen through one connection and its current transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self.spans = SpanTable(connection)
        self.totals = TotalTable(connection)
        self.pyramids = PyramidTable(connection)
        self._holes: dict[int, list[Hole]] = {}

    # ------------------------------------------------------------------ finding

    def following(self, stream: int, position: int) -> Iterator[Chunk]:
        """Chunks with rows at or after ``position``, in time order."""
        last = MIN_TIME - 1
        for row in self._execute(_NEXT, (stream, position)):
            chunk = _chunk(row)
            if chunk.first <= last:
                raise StorageDamagedError(f"two chunks have rows of {time_range(last, last)}")
            last = chunk.last
            yield chunk

    def overlapping(self, stream: int, interval: Interval) -> Iterator[Chunk]:
        """Chunks whose span of rows meets ``[start, end)``, in time order."""
        for chunk in self.following(stream, interval.start):
            if chunk.first >= interval.end:
                return
            yield chunk

    def before(self, stream: int, time: int) -> Chunk | None:
        """Give the last chunk that has a row earlier than ``time``."""
        found = self._execute(
            f"SELECT {_COLUMNS} FROM chunk c WHERE c.stream = ? AND c.first < ? "
            "ORDER BY c.first DESC LIMIT 1",
            (stream, time),
        ).fetchone()
        return None if found is None else _chunk(found)

    def with_breaks(self, stream: int, interval: Interval) -> list[tuple[Chunk, int | None]]:
        """Chunks of a range that have breaks, each with the last timestamp of the one before."""
        rows = self._execute(_WITH_BREAKS, (stream, *interval))
        return [(_chunk(row[:-1]), row[-1]) for row in rows]

    def last(self, stream: int) -> int:
        """Give the last timestamp of a stream, the smallest there is when it has no chunks."""
        chunk = self.before(stream, MAX_TIME)
        return MIN_TIME if chunk is None else chunk.last

    def count_following(self, stream: int, first: int, most: int) -> int:
        """Count the chunks that begin at or after ``first``, as far as ``most``."""
        return int(
            self._execute(
                "SELECT count(*) FROM "
                "(SELECT 1 FROM chunk WHERE stream = ? AND first >= ? LIMIT ?)",
                (stream, first, most),
            ).get
        )

    def rows_between(self, stream: int, first: int, last: int) -> int:
        """Sum up the rows of the chunks that begin in ``[first, last]``."""
        return sum(
            self.spans.rows(stream, part) if part.level else self._sums(stream, *part[1:])[0]
            for part in self.spans.outline(stream, first, last)
        )

    def _sums(self, stream: int, first: int, last: int) -> tuple[int, int]:
        """Sum up the rows and bytes of the chunks that begin in ``[first, last]``."""
        ((rows, size),) = self._execute(
            "SELECT ifnull(sum(rows), 0), ifnull(sum(data_bytes + pyramid_bytes), 0) "
            "FROM chunk WHERE stream = ? AND first BETWEEN ? AND ?",
            (stream, first, last),
        )
        return int(rows), int(size)

    def data(self, chunk: Chunk) -> bytes:
        """Give the bytes of a chunk's rows."""
        found = self._execute("SELECT data FROM chunk_data WHERE id = ?", (chunk.data,)).fetchone()
        if found is None or not isinstance(found[0], bytes):
            raise StorageDamagedError("they are not there")
        return found[0]

    # ------------------------------------------------------------------ changing

    def put(self, stream: int, new: NewChunk) -> None:
        """Add a chunk."""
        self._uncover(stream, new.first, new.last)
        self._execute("INSERT INTO chunk_data (data) VALUES (?)", (new.data,))
        chunk = Chunk(
            first=new.first,
            last=new.last,
            rows=new.rows,
            data=self._connection.last_insert_rowid(),
            data_bytes=len(new.data),
            pyramid_bytes=self.pyramids.put(stream, new.first, new.pyramid),
            breaks=new.breaks,
        )
        row = (stream, *chunk, blob_sum(chunk.breaks, stream, chunk.first))
        self._execute("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self.totals.add(stream, chunk.rows, chunk.data_bytes + chunk.pyramid_bytes)

    def replace_data(self, stream: int, chunk: Chunk, data: bytes) -> None:
        """Store the same rows of a chunk as other bytes."""
        self._execute("UPDATE chunk_data SET data = ? WHERE id = ?", (data, chunk.data))
        self._execute(
            "UPDATE chunk SET data_bytes = ? WHERE stream = ? AND first = ?",
            (len(data), stream, chunk.first),
        )
        self.totals.add(stream, 0, len(data) - chunk.data_bytes)

    def set_breaks(self, stream: int, first: int, breaks: bytes | None) -> None:
        """Replace the breaks of the chunk that begins at ``first``."""
        self._uncover(stream, first, first)
        self._execute(
            "UPDATE chunk SET breaks = ?, break_sum = ? WHERE stream = ? AND first = ?",
            (breaks, blob_sum(breaks, stream, first), stream, first),
        )

    def set_pyramid(self, stream: int, first: int, pyramid: Iterable[tuple[int, bytes]]) -> None:
        """Replace the pyramid of the chunk that begins at ``first``."""
        self._uncover(stream, first, first)
        self.pyramids.remove(stream, first, first)
        _, before = self._sums(stream, first, first)
        size = self.pyramids.put(stream, first, pyramid)
        self._execute(
            "UPDATE chunk SET pyramid_bytes = ? WHERE stream = ? AND first = ?",
            (size, stream, first),
        )
        _, now = self._sums(stream, first, first)
        self.totals.add(stream, 0, now - before)

    def remove(self, stream: int, first: int, last: int) -> int:
        """Remove the chunks that begin in ``[first, last]`` and give their number of rows."""
        bounds = (stream, first, last)
        self._uncover(*bounds)
        rows, size = self._sums(*bounds)
        self._execute(
            "DELETE FROM chunk_data WHERE id IN "
            "(SELECT data FROM chunk WHERE stream = ? AND first BETWEEN ? AND ?)",
            bounds,
        )
        self.pyramids.remove(stream, first, last)
        self._execute("DELETE FROM chunk WHERE stream = ? AND first BETWEEN ? AND ?", bounds)
        self.totals.add(stream, -rows, -size)
        return rows

    def remove_some(self, stream: int, chunks: int) -> int:
        """Remove up to so many of the first chunks of a stream and give their number."""
        found: list[Any] = self._execute(
            "SELECT first FROM chunk WHERE stream = ? ORDER BY first LIMIT ?", (stream, chunks)
        ).fetchall()
        if found:
            self.remove(stream, found[0][0], found[-1][0])
        return len(found)

    def drop_pyramids(self, stream: int) -> None:
        """Remove the pyramids of all chunks of a stream."""
        self.spans.drop_groups(stream)
        self.pyramids.remove(stream, MIN_TIME, MAX_TIME)
        self._execute(
            "UPDATE chunk SET pyramid_bytes = 0 WHERE stream = ? AND pyramid_bytes > 0", (stream,)
        )
        self.totals.forget_pyramids(stream)

    def take_holes(self, stream: int) -> list[Hole]:
        """Give the places of a stream where chunks have changed since this was called last."""
        return self._holes.pop(stream, [])

    def _uncover(self, stream: int, first: int, last: int) -> None:
        hole = Hole(first, last, self.spans.uncover(stream, first, last))
        holes = self._holes.setdefault(stream, [])
        if holes and self.spans.end(stream) < min(first, holes[-1].first):
            hole = hole.union(holes.pop())  # behind all spans everything is one place
        holes.append(hole)
