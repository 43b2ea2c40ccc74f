"""How Joule 1.0 keeps rows in PostgreSQL, as far as its statements show it.

Every stream takes what came in five seconds: one binary COPY to the table of its rows, then one to
that of each level, each a transaction of its own. Groups are made of what each level has left over
and of the new rows. Reading copies 50000 rows at a time out of one interval after the other. Rows
are packed by numpy, which is at least as fast as the daemon of Joule 1.0 is.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import asyncpg

    from joule.models.layout import Layout, Rows

BATCH_S: Final = 5
BLOCK_ROWS: Final = 50_000
ROWS_TO_COUNT: Final = 25
"""A level with so many rows in a range tells how many rows are there."""

EPOCH_US: Final = 946_684_800_000_000
HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
SQL_TYPES: Final = {
    "float32": "real",
    "float64": "double precision",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
}

Records = np.ndarray[Any, np.dtype[np.void]]


class OldStream:
    """The tables of one stream."""

    def __init__(self, pool: asyncpg.Pool, id_: int, layout: Layout) -> None:
        self._pool = pool
        self._layout = layout
        self._table = f"stream{id_}"
        self._left: list[Records] = []
        """What each level waits with, from the first on."""

    async def create(self) -> None:
        """Make the table of rows and that of intervals."""
        kind = SQL_TYPES[self._layout.datatype]
        columns = [f"elem{i} {kind} NOT NULL" for i in range(self._layout.width)]
        async with self._pool.acquire() as connection:
            await connection.execute("CREATE SCHEMA IF NOT EXISTS data")
            await self._create(connection, self._table, columns)
            await connection.execute(f"CREATE TABLE data.{self._table}_intervals (time timestamp)")

    async def insert(self, rows: Rows) -> None:
        """Store a batch."""
        async with self._pool.acquire() as connection:
            await _copy_in(connection, self._table, rows, self._layout.datatype)
            below = _first_level(rows)
            for number in range(64):
                if number == len(self._left):
                    await self._create_level(connection, 4 ** (number + 1))
                    self._left.append(below[:0])
                waiting = np.concatenate([self._left[number], below])
                whole = len(waiting) // 4 * 4
                self._left[number] = waiting[whole:]
                below = _grouped(waiting[:whole])
                if not len(below):
                    return
                await _copy_in(connection, f"{self._table}_{4 ** (number + 1)}", below, "float32")

    async def analyze(self) -> None:
        """Let the server see how its queries are best answered, which it does by itself in time."""
        async with self._pool.acquire() as connection:
            await connection.execute("ANALYZE")

    async def read(self, start: int, end: int) -> int:
        """Read the rows of a range that lies in one interval; their number."""
        return await self._read(self._table, self._layout.datatype, self._layout.width, start, end)

    async def view(self, start: int, end: int, max_rows: int) -> int:
        """Read what is shown of a range; the number of groups."""
        async with self._pool.acquire() as connection:
            rows = await self._count(connection, start, end)
        level = 1
        while level * max_rows < rows:
            level *= 4
        return await self._read(
            f"{self._table}_{level}", "float32", 3 * self._layout.width, start, end
        )

    async def _read(self, table: str, datatype: str, width: int, start: int, end: int) -> int:
        dtype = _binary(datatype, width)
        found = 0
        async with self._pool.acquire() as connection:
            await connection.fetch(
                f"SELECT time FROM data.{self._table}_intervals WHERE time >= {_time(start)} "
                f"AND time < {_time(end)} ORDER BY time ASC"
            )
            while True:
                rows = await _copy_out(connection, table, dtype, start, end)
                found += len(rows)
                if len(rows) < BLOCK_ROWS:
                    return found
                start = int(rows["timestamp"][-1]) + 1

    async def _count(self, connection: asyncpg.Connection, start: int, end: int) -> int:
        where = f"WHERE time >= {_time(start)} AND time < {_time(end)}"
        for number in range(len(self._left), 0, -1):
            table = f"data.{self._table}_{4**number}"
            groups = int(await connection.fetchval(f"SELECT count(*) FROM {table} {where}"))
            if groups >= ROWS_TO_COUNT:
                return groups * int(4**number)
        return int(await connection.fetchval(f"SELECT count(*) FROM data.{self._table} {where}"))

    async def _create_level(self, connection: asyncpg.Connection, level: int) -> None:
        elements = [f"elem{i}{part}" for part in ("", "_min", "_max") for i in range(self._width)]
        columns = [f"{each} real NOT NULL" for each in elements]
        await self._create(connection, f"{self._table}_{level}", columns)

    @property
    def _width(self) -> int:
        return self._layout.width

    async def _create(self, connection: asyncpg.Connection, table: str, columns: list[str]) -> None:
        listed = ", ".join(["time timestamp NOT NULL", *columns, "PRIMARY KEY (time)"])
        await connection.execute(f"CREATE TABLE IF NOT EXISTS data.{table} ({listed})")


def _time(time_us: int) -> str:
    return (
        f"(to_timestamp({time_us // 10**6}) AT TIME ZONE 'UTC' + interval '{time_us % 10**6} us')"
    )


def _binary(datatype: str, width: int) -> np.dtype[np.void]:
    """Give the record of binary COPY: a size before each value, big-endian."""
    value = [("size", ">i4"), ("value", np.dtype(datatype).newbyteorder(">"))]
    return np.dtype(
        [("columns", ">i2"), ("size", ">i4"), ("time", ">i8"), ("values", value, (width,))]
    )


async def _copy_in(connection: asyncpg.Connection, table: str, rows: Records, kind: str) -> None:
    width = rows["data"].shape[1]
    records = np.empty(len(rows), _binary(kind, width))
    records["columns"], records["size"] = width + 1, 8
    records["time"] = rows["timestamp"] - EPOCH_US
    records["values"]["size"] = records.dtype["values"].base["value"].itemsize
    records["values"]["value"] = rows["data"]
    source = io.BytesIO(b"".join([HEADER, records.tobytes(), TRAILER]))
    await connection.copy_to_table(table, schema_name="data", source=source, format="binary")


async def _copy_out(
    connection: asyncpg.Connection, table: str, dtype: np.dtype[np.void], start: int, end: int
) -> Records:
    query = (
        f"SELECT * FROM data.{table} WHERE time >= {_time(start)} AND time < {_time(end)} "
        f"ORDER BY time ASC LIMIT {BLOCK_ROWS}"
    )
    target = io.BytesIO()
    await connection.copy_from_query(query, output=target, format="binary")
    size = target.tell() - len(HEADER) - len(TRAILER)
    records = np.frombuffer(
        target.getbuffer(), dtype, count=size // dtype.itemsize, offset=len(HEADER)
    )
    values = dtype["values"].base["value"].newbyteorder("<")
    rows = np.empty(
        len(records), [("timestamp", "<i8"), ("data", values, records["values"].shape[1:])]
    )
    rows["timestamp"] = records["time"] + EPOCH_US
    rows["data"] = records["values"]["value"]
    return rows


def _first_level(rows: Rows) -> Records:
    """Give rows as groups of one: mean, minimum and maximum are the value."""
    groups = np.empty(len(rows), _group_dtype(rows["data"].shape[1]))
    groups["timestamp"] = rows["timestamp"]
    groups["data"] = np.tile(rows["data"].astype(np.float32), 3)
    return groups


def _grouped(below: Records) -> Records:
    """Group by four; the length is a multiple of it."""
    width = below["data"].shape[1] // 3
    four = below["data"].reshape(-1, 4, 3 * width)
    groups = np.empty(len(four), _group_dtype(width))
    times = below["timestamp"].reshape(-1, 4)
    groups["timestamp"] = times[:, 0] + (times - times[:, :1]).sum(axis=1) // 4
    groups["data"][:, :width] = four[:, :, :width].mean(axis=1)
    groups["data"][:, width : 2 * width] = four[:, :, width : 2 * width].min(axis=1)
    groups["data"][:, 2 * width :] = four[:, :, 2 * width :].max(axis=1)
    return groups


def _group_dtype(width: int) -> np.dtype[np.void]:
    return np.dtype([("timestamp", "<i8"), ("data", "<f4", (3 * width,))])
