"""The chunks of all streams: checksums, order and bounds of rows, breaks, and pyramids.

One chunk is in memory at a time, however large the store is.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from joule.storage.codec import decode
from joule.storage.embedded.checking.groups import LEVELS, pyramid_faults
from joule.storage.embedded.chunk_table import Chunk
from joule.storage.embedded.row_sums import blob_sum
from joule.storage.interfaces import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from joule.models.layout import Layout, Rows
    from joule.storage.embedded.checking.catalog import Known
    from joule.storage.embedded.checking.findings import Report

PLACE: Final = "chunks"

_BREAK: Final = np.dtype([("row", "<u4"), ("before", "<i8"), ("after", "<i8")])
_LEVELS: Final = ", ".join(map(str, LEVELS))
_CHUNKS: Final = (
    f"SELECT stream, {', '.join(Chunk._fields)}, break_sum FROM chunk ORDER BY stream, first"
)
_PYRAMID: Final = (
    f"SELECT level, data FROM pyramid WHERE stream = ? AND level IN ({_LEVELS}) AND first = ?"
)
_STRAYS: Final = (
    (
        "rows {} belong to no chunk",
        "SELECT id FROM chunk_data WHERE id NOT IN (SELECT data FROM chunk)",
    ),
    (
        "rows {} belong to {} chunks",
        "SELECT data, count(*) FROM chunk GROUP BY 1 HAVING count(*) > 1",
    ),
    (
        "stream {} has {} rows and {} bytes in chunks, counted were {} and {}",
        """SELECT * FROM (SELECT stream, sum(rows) r, sum(data_bytes + pyramid_bytes) b FROM chunk
        GROUP BY stream) FULL JOIN chunk_total t USING (stream)
        WHERE r IS NOT t.rows OR b IS NOT t.bytes""",
    ),
    (
        "groups of level {1} of stream {0} at {2} belong to no chunk",
        f"""SELECT stream, level, first FROM pyramid p WHERE level NOT IN ({_LEVELS}) OR NOT EXISTS
        (SELECT 1 FROM chunk c WHERE c.stream = p.stream AND c.first = p.first)""",
    ),
)


def total_bytes(connection: apsw.Connection, report: Report) -> int:
    """Give the bytes of rows that a check has to go through."""
    with report.guard(PLACE):
        return int(connection.execute("SELECT ifnull(sum(data_bytes), 0) FROM chunk").get)
    return 0


def check_chunks(connection: apsw.Connection, known: Known, report: Report) -> dict[int, int]:
    """Check all chunks; gives the last timestamp that each stream has in them."""
    last: dict[int, int] = {}
    with report.guard(PLACE):
        for stream, rows in groupby(connection.execute(_CHUNKS), key=itemgetter(0)):
            name = known.name(Kind.DATA_STREAM, stream)
            if known.is_stray(Kind.DATA_STREAM, stream):
                report.add(name, "has rows and is not in the catalog")
            checker = _StreamChecker(connection, report, name, stream, known.layouts.get(stream))
            for row in rows:
                chunk, break_sum = Chunk._make(row[1:-1]), row[-1]
                with report.guard(name, chunk.first):
                    report.progress(chunk.data_bytes)
                    if break_sum != blob_sum(chunk.breaks, stream, chunk.first):
                        report.add(name, "has breaks that do not match their checksum", chunk.first)
                    checker.check(chunk)
            if checker.last is not None:
                last[stream] = checker.last
    for text, sql in _STRAYS:
        with report.guard(PLACE):
            for found in connection.execute(sql):
                report.add(PLACE, text.format(*found))
    return last


class _StreamChecker:
    """Goes through the chunks of one stream in order of time."""

    def __init__(
        self,
        connection: apsw.Connection,
        report: Report,
        name: str,
        stream: int,
        layout: Layout | None,
    ) -> None:
        self._connection = connection
        self._report = report
        self._name = name
        self._stream = stream
        self._layout = layout
        self.last: int | None = None

    def check(self, chunk: Chunk) -> None:
        """Check one chunk against itself and the one before."""
        before, self.last = self.last, chunk.last
        if before is not None and chunk.first <= before:
            self._add(chunk, f"begins before the end of the chunk before it, {before}")
        data = self._connection.execute(
            "SELECT data FROM chunk_data WHERE id = ?", (chunk.data,)
        ).get
        if data is None:
            self._add(chunk, "has lost its rows")
            return
        if len(data) != chunk.data_bytes:
            self._add(chunk, f"has {len(data)} bytes of rows instead of {chunk.data_bytes}")
        if self._layout is None:
            return  # deleted, or reported with the catalog
        rows = decode(data, self._layout.dtype)
        self._report.totals.rows += len(rows)
        breaks = self._check_breaks(chunk, rows["timestamp"])
        for text in (*_row_faults(chunk, rows), *self._pyramid_faults(chunk, rows, breaks)):
            self._add(chunk, text)

    def _check_breaks(self, chunk: Chunk, times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Compare the breaks with the rows; gives the rows that begin an interval."""
        gaps = np.frombuffer(b"" if chunk.breaks is None else chunk.breaks, dtype=_BREAK)
        index = gaps["row"].astype(np.int64)
        if (np.diff(index) <= 0).any() or (len(index) and index[-1] >= len(times)):
            self._add(chunk, "has breaks that are not in order")
            return np.empty(0, dtype=np.int64)
        before = np.where(index > 0, times[np.maximum(index - 1, 0)], 0)
        if (gaps["after"] != times[index]).any() or (gaps["before"] != before).any():
            self._add(chunk, "has breaks at other times than its rows")
        return index

    def _pyramid_faults(
        self, chunk: Chunk, rows: Rows, breaks: np.ndarray[Any, Any]
    ) -> Iterator[str]:
        assert self._layout is not None
        key = (self._stream, chunk.first)
        stored: dict[int, bytes] = dict(self._connection.execute(_PYRAMID, key))
        size = sum(map(len, stored.values()))
        if size != chunk.pyramid_bytes:
            yield f"has {size} bytes of groups instead of {chunk.pyramid_bytes}"
        if stored:
            yield from pyramid_faults(stored, rows, breaks, self._layout)

    def _add(self, chunk: Chunk, text: str) -> None:
        self._report.add(self._name, text, chunk.first)


def _row_faults(chunk: Chunk, rows: Rows) -> Iterator[str]:
    times = rows["timestamp"]
    if len(rows) != chunk.rows:
        yield f"has {len(rows)} rows instead of {chunk.rows}"
    if not len(rows) or (times[0], times[-1]) != (chunk.first, chunk.last):
        yield f"has rows of other times than {chunk.first} to {chunk.last}"
    doubtful = np.flatnonzero(times[1:] <= times[:-1])
    if len(doubtful):
        yield f"has rows out of order behind {times[doubtful[0]]}"
