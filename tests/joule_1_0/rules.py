"""What the tables of a database must be like for Joule 1.0 to work with them.

Written from the description of its database, with nothing of ours but the rows to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.layout import Layout, Rows

TIME: Final = "timestamp without time zone"
ZONED: Final = "timestamp with time zone"
TEXT: Final = "character varying"
SQL_TYPES: Final = {
    "float32": "real",
    "float64": "double precision",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
}
METADATA: Final = {
    "node": {"uuid": "uuid", "private_key": TEXT, "public_key": TEXT, "version": TEXT},
    "folder": {
        "id": "integer", "name": TEXT, "description": TEXT, "parent_id": "integer",
        "updated_at": ZONED,
    },
    "stream": {
        "id": "integer", "name": TEXT, "datatype": "datatype", "decimate": "boolean",
        "is_source": "boolean", "is_destination": "boolean", "is_configured": "boolean",
        "keep_us": "bigint", "description": TEXT, "folder_id": "integer", "updated_at": ZONED,
    },
    "element": {
        "id": "integer", "index": "integer", "name": TEXT, "units": TEXT, "plottable": "boolean",
        "display_type": "displaytype", "offset": "double precision",
        "scale_factor": "double precision", "default_max": "double precision",
        "default_min": "double precision", "stream_id": "integer",
    },
    "annotation": {
        "id": "integer", "title": TEXT, "content": TEXT, "start": ZONED, "end": ZONED,
        "stream_id": "integer",
    },
    "eventstream": {
        "id": "integer", "name": TEXT, "event_fields": "jsonb", "is_configured": "boolean",
        "chunk_duration_us": "bigint", "keep_us": "bigint", "description": TEXT,
        "folder_id": "integer", "updated_at": ZONED,
    },
    "master": {
        "id": "integer", "name": TEXT, "key": TEXT, "type": "type", "grantor_id": "integer",
    },
    "follower": {"id": "integer", "name": TEXT, "key": TEXT, "location": TEXT},
    "exporter_state": {
        "id": "integer", "name": TEXT, "source_type": TEXT, "source_label": TEXT, "state": "json",
        "updated_at": ZONED,
    },
}  # fmt: skip
EVENT: Final = [("id", "integer"), ("start_time", TIME), ("end_time", TIME), ("content", "jsonb")]

_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_KEY: Final = """
SELECT c.conname, array_agg(a.attname::text)
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE c.conrelid = to_regclass(%s) AND c.contype = 'p' GROUP BY c.conname
"""
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'data' ORDER BY 1"
_MICROSECONDS: Final = sql.SQL("(extract(epoch FROM time) * 1000000)::bigint")


class Level(NamedTuple):
    """Rows of a table of groups: times, and mean, minimum and maximum of each element."""

    times: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float32]]


class Rules:
    """Looks at a database and fails where it is not as Joule 1.0 wants it."""

    def __init__(self, address: str) -> None:
        self._connection = psycopg.connect(address, autocommit=True)
        self._connection.execute("SET timezone = 'UTC'")

    def __enter__(self) -> Rules:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    # ------------------------------------------------------------------ the form of the tables

    def check_form(self, layouts: dict[int, Layout]) -> None:
        """All tables have the columns, types and keys that they must; ``layouts`` by stream id."""
        for table, expected in METADATA.items():
            found = {name: kind for name, kind, _ in self._columns(f"metadata.{table}")}
            assert found == expected, table
            assert self._key(f"metadata.{table}") == (
                f"{table}_pkey",
                ["uuid" if table == "node" else "id"],
            )
        for table in self.tables():
            self._check_data_table(table, layouts)

    def tables(self) -> list[str]:
        """The names of the tables of rows and events."""
        return [name for (name,) in self._connection.execute(_TABLES)]

    def _check_data_table(self, table: str, layouts: dict[int, Layout]) -> None:
        columns = [(name, kind) for name, kind, _ in self._columns(f"data.{table}")]
        name, _, part = table.partition("_")
        if name.startswith("event"):
            assert columns == EVENT, table
            return
        layout = layouts[int(name.removeprefix("stream"))]
        elements = [f"elem{i}" for i in range(layout.width)]
        if part == "intervals":
            assert columns == [("time", TIME)], table
            return
        if not part:
            kinds = [(each, SQL_TYPES[layout.datatype]) for each in elements]
        else:
            assert int(part) in [4**k for k in range(1, 30)], table
            names = [f"{each}{kind}" for kind in ("", "_min", "_max") for each in elements]
            kinds = [(each, "real") for each in names]
        assert columns == [("time", TIME), *kinds], table
        assert all(not_null for _, _, not_null in self._columns(f"data.{table}")), table
        assert self._key(f"data.{table}") == (f"{table}_pkey", ["time"])

    def _columns(self, table: str) -> list[tuple[str, str, bool]]:
        return self._connection.execute(_COLUMNS, [table]).fetchall()

    def _key(self, table: str) -> tuple[str, list[str]] | None:
        return self._connection.execute(_KEY, [table]).fetchone()

    # ------------------------------------------------------------------ what is in them

    def check_rows(self, stream_id: int, intervals: Sequence[Rows]) -> None:
        """The rows are these, and boundaries of Joule 1.0 lie between the intervals."""
        layout_width = intervals[0]["data"].shape[1]
        times, values = self._read(f"stream{stream_id}")
        assert times.tolist() == [t for rows in intervals for t in rows["timestamp"].tolist()]
        expected = np.concatenate([rows["data"] for rows in intervals])
        assert values.shape[1] == layout_width
        np.testing.assert_array_equal(values, expected.astype(np.float64))
        bounds, _ = self._read(f"stream{stream_id}_intervals")
        assert len(set(bounds.tolist())) == len(bounds), "a boundary is there twice"
        assert (bounds > times[0]).all(), "there is no row before a boundary"
        # Joule 1.0 takes the rows between two boundaries for one interval.
        cuts = np.unique(np.searchsorted(times, np.sort(bounds)))
        found = [part for part in np.split(times, cuts) if len(part)]
        assert [(part[0], part[-1]) for part in found] == [
            (rows["timestamp"][0], rows["timestamp"][-1]) for rows in intervals
        ]

    def check_levels(self, stream_id: int, intervals: Sequence[Rows]) -> None:
        """The groups are means, minima and maxima of exactly four of the level below.

        Every interval is grouped from its first row on, and anew from each seam on, a rest of less
        than four left out.
        """
        expected = [_raw(part) for rows in intervals for part in self._seamless(stream_id, rows)]
        level = 1
        while any(len(each.times) for each in expected):
            level *= 4
            expected = [_above(each) for each in expected]
            times, values = self._read(f"stream{stream_id}_{level}")
            wanted = np.concatenate([each.times for each in expected])
            assert times.tolist() == wanted.tolist(), f"level {level}"
            if len(times):
                exact = np.concatenate([each.values for each in expected])
                np.testing.assert_allclose(values, exact, rtol=1e-5, atol=1e-5)

    def check_edited_levels(self, stream_id: int, intervals: Sequence[Rows]) -> None:
        """Each group is of four neighbours of the level below in one interval, none in two groups.

        That is all there is to ask where rows came late, were deleted or joined.
        """
        below = [_raw(rows) for rows in intervals]
        for level in (4**k for k in range(1, 30)):
            times, values = self._read(f"stream{stream_id}_{level}")
            if not len(times):
                return
            below = [_chosen(level, times, values, each) for each in below]
            assert sum(len(each.times) for each in below) == len(times), f"level {level}"

    def _seamless(self, stream_id: int, rows: Rows) -> list[Rows]:
        query = sql.SQL("SELECT {} FROM joule.seam WHERE stream_id = %s ORDER BY 1")
        found = self._connection.execute(query.format(_MICROSECONDS), [stream_id]).fetchall()
        cuts = np.searchsorted(rows["timestamp"], [time for (time,) in found])
        return np.split(rows, np.unique(cuts))

    def _read(self, table: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        names = [name for name, _, _ in self._columns(f"data.{table}")]
        if not names:
            return np.empty(0, np.int64), np.empty((0, 0))
        query = sql.SQL("SELECT {} FROM data.{} ORDER BY time").format(
            sql.SQL(", ").join([_MICROSECONDS, *map(sql.Identifier, names[1:])]),
            sql.Identifier(table),
        )
        found = self._connection.execute(query).fetchall()
        times = np.array([row[0] for row in found], np.int64)
        return times, np.array([row[1:] for row in found], np.float64).reshape(
            len(found), len(names) - 1
        )


def _chosen(level: int, times: np.ndarray[Any, Any], values: Any, below: Level) -> Level:
    """Give the groups that are made of four neighbours in one interval, and check their values."""
    found: dict[int, tuple[int, Any]] = {}
    for offset in range(4):
        above = _above(Level(below.times[offset:], below.values[offset:]))
        for number, time in enumerate(above.times.tolist()):
            found[time] = (4 * number + offset, above.values[number])
    mine = np.array([time in found for time in times.tolist()], bool)
    first = [found[time][0] for time in times[mine].tolist()]
    assert (np.diff(first) >= 4).all(), f"level {level}: a row is in two groups"
    for time, value in zip(times[mine].tolist(), values[mine], strict=True):
        np.testing.assert_allclose(value, found[time][1], rtol=1e-5, atol=1e-5)
    return Level(times[mine], values[mine].astype(np.float32))


def _raw(rows: Rows) -> Level:
    return Level(rows["timestamp"], np.tile(rows["data"].astype(np.float64), 3))


def _above(below: Level) -> Level:
    """Group by four."""
    count, width = len(below.times) // 4, below.values.shape[1] // 3
    times = below.times[: 4 * count].reshape(count, 4)
    four = below.values[: 4 * count].reshape(count, 4, 3 * width)
    parts = (
        four[:, :, :width].mean(axis=1),
        four[:, :, width : 2 * width].min(axis=1),
        four[:, :, 2 * width :].max(axis=1),
    )
    # The sum is taken from the first on: four times of today are more than 64 bits hold.
    means = times[:, 0] + (times - times[:, :1]).sum(axis=1) // 4
    return Level(means, np.hstack(parts).astype(np.float32))
