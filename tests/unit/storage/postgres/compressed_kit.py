"""Compressed copies of rows as they lie in the database, held against the table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import numpy as np

from joule.models.intervals import ALL_TIME, Interval
from joule.storage import codec
from joule.storage.postgres.connection.copy_format import time_literal
from joule.storage.postgres.connection.times import use_integer_times
from joule.storage.postgres.tables import compressed_table
from joule.storage.stretch import NO_BREAKS, Stretch
from tests.unit.storage.postgres.copy_kit import copied_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.interfaces import Block, StreamRef


class Kept(NamedTuple):
    """A stored copy."""

    start: int
    end: int
    rows: int


async def connect_stranger(address: str) -> Connection:
    """Connect as any other program does, but for times, which are integers."""
    connection = await asyncpg.connect(address)
    await use_integer_times(connection)
    return connection


async def copies(connection: Connection, stream: StreamRef) -> list[Kept]:
    """Give all copies of a stream, valid or not."""
    query = "SELECT start_time, end_time, rows FROM joule.compressed WHERE stream_id = $1"
    return [Kept(*row) for row in await connection.fetch(f"{query} ORDER BY end_time", stream.id)]


async def table_rows(
    connection: Connection, stream: StreamRef, interval: Interval = ALL_TIME
) -> Rows:
    """Give the rows of the table, which no copy has touched."""
    bounds = f"time >= {time_literal(interval.start)}"
    if interval.end < ALL_TIME.end:
        bounds += f" AND time < {time_literal(interval.end)}"
    table = f"data.stream{stream.id}"
    query = f"SELECT * FROM {table} WHERE {bounds} ORDER BY time"
    return await copied_out(connection, query, stream.layout, table)


async def check_copies(connection: Connection, stream: StreamRef) -> int:
    """Fail unless copies lie apart, and valid ones are their rows; how many of them there are."""
    found = await copies(connection, stream)
    for before, behind in pairwise(found):
        assert before.end <= behind.start
    valid = await connection.fetch(compressed_table.data_query(stream.id, ALL_TIME))
    for start, end, data in valid:
        rows = await table_rows(connection, stream, Interval(start, end))
        (count,) = [kept.rows for kept in found if kept.end == end]
        assert (len(rows), int(rows["timestamp"][-1]) + 1) == (count, end)
        assert codec.decode(data, stream.layout.dtype).tobytes() == rows.tobytes()
    return len(valid)


async def blot(own: Connection) -> None:
    """Let all rows of stream 1 be -1 in its table: another value was read from a copy.

    That happens in a session as the node has them, so that nobody takes notice.
    """
    await own.execute("UPDATE data.stream1 SET elem0 = -1")


def is_copied(rows: Rows) -> list[bool]:
    """Tell of each row whether it was read from a copy, after :func:`blot`."""
    return [value != -1 for value in rows["data"][:, 0].tolist()]


def joined(blocks: Iterable[Block], stream: StreamRef) -> Stretch:
    """Give what was read as one: with a break behind the last row if the range ends in a gap."""
    rows, breaks, count = [stream.layout.empty()], [], 0
    for block in blocks:
        breaks += [count] if block.starts_interval else []
        rows.append(block.rows)
        count += len(block.rows)
    return Stretch(np.concatenate(rows), np.array(breaks, np.intp) if breaks else NO_BREAKS)


def same(left: Stretch, right: Stretch) -> bool:
    """Whether rows and breaks are the same."""
    is_same_breaks = left.breaks.tolist() == right.breaks.tolist()
    return is_same_breaks and left.rows.tobytes() == right.rows.tobytes()


def starts(found: Sequence[Kept]) -> list[int]:
    """Give where copies begin."""
    return [kept.start for kept in found]
