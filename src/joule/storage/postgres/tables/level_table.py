"""The tables of the levels of a stream, and the questions that are asked of any level.

Level 1 is the table of rows. A group's time is the mean of its rows' times, so groups lie in their
table in the order of their rows, and a range of times that contains whole groups names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import asyncpg

from joule.models.decimation import FACTOR
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.connecting import IMPATIENTLY, LONG_S
from joule.storage.postgres.connection.copy_format import time_literal
from joule.storage.postgres.connection.times import bound
from joule.storage.postgres.tables import chunking, sample_tables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from joule.models.intervals import Interval
    from joule.models.layout import Layout, Rows
    from joule.storage.interfaces import StreamRef
    from joule.storage.postgres.connection.answers import Copied

T = TypeVar("T")


def name(stream_id: int, level: int) -> str:
    """Name of the table of a level, without the schema."""
    base = sample_tables.base(stream_id)
    return base if level == 1 else f"{base}_{level}"


def qualified(stream_id: int, level: int) -> str:
    """Name of the table of a level with its schema."""
    return sample_tables.qualified(name(stream_id, level))


def layout(stream: StreamRef, level: int) -> Layout:
    """Layout of the rows in the table of a level."""
    return stream.layout if level == 1 else stream.layout.decimated


def fits(stream: StreamRef) -> bool:
    """Whether groups of a stream fit a table; those with very many elements do not."""
    groups = stream.layout.decimated
    return (
        groups.width < sample_tables.COLUMNS_MAX and groups.row_bytes <= sample_tables.ROW_BYTES_MAX
    )


async def stored(connection: asyncpg.Connection, stream: StreamRef) -> list[int]:
    """Give the levels that have a table, 1 for the rows first; those behind a gap do not count."""
    existing = await sample_tables.existing(connection, [stream.id])
    levels: list[int] = []
    level = 1
    while name(stream.id, level) in existing:
        levels.append(level)
        level *= FACTOR
    return levels


async def create(connection: asyncpg.Connection, stream: StreamRef, level: int) -> None:
    """Make the table of a level, or take one from before a gap as it is."""
    if await sample_tables.exists(connection, name(stream.id, level)):
        return
    columns = "".join(
        f", elem{i}{kind} real NOT NULL"
        for kind in ("", "_min", "_max")
        for i in range(stream.layout.width)
    )
    await connection.execute(
        f"CREATE TABLE {qualified(stream.id, level)} (time timestamp NOT NULL PRIMARY KEY{columns})"
    )
    await chunking.make_hypertable(connection, stream.id, level)


async def drop(connection: asyncpg.Connection, stream: StreamRef) -> None:
    """Drop the tables of all levels, those behind a gap too."""
    existing = await sample_tables.existing(connection, [stream.id])
    kept = {sample_tables.base(stream.id), sample_tables.boundaries(stream.id)}
    doomed = [sample_tables.qualified(table) for table in existing if table not in kept]
    if doomed:
        await connection.execute(IMPATIENTLY)
        await connection.execute(f"DROP TABLE {', '.join(sorted(doomed))}")


def read_query(stream: StreamRef, level: int, ranges: Sequence[Interval], rows_max: int) -> str:
    """Give the SQL for the first rows of a level in ranges, which are in order and disjoint."""
    table = qualified(stream.id, level)
    if len(ranges) == 1:
        start, end = map(time_literal, ranges[0])
        return (
            f"SELECT * FROM {table} WHERE time >= {start} AND time < {end}"
            f" ORDER BY time LIMIT {rows_max}"
        )
    return (
        f"SELECT part.* FROM {ranges_sql(ranges)},"
        f" LATERAL (SELECT * FROM {table} WHERE time >= range.start AND time < range.stop"
        f" ORDER BY time LIMIT {rows_max}) part"
        f" ORDER BY range.number, part.time LIMIT {rows_max}"
    )


async def read(
    connection: asyncpg.Connection,
    stream: StreamRef,
    level: int,
    ranges: Sequence[Interval],
    rows_max: int,
) -> Rows:
    """Give the first rows of a level that lie in ranges, which are in order and do not overlap."""
    query = read_query(stream, level, ranges, rows_max)
    (found,) = await ask(connection, [copy_of(query)])
    return rows_of(found, stream, level)


def rows_of(found: Copied, stream: StreamRef, level: int) -> Rows:
    """Give the rows of a level that were found."""
    return found.rows(layout(stream, level), qualified(stream.id, level))


async def count(
    connection: asyncpg.Connection, stream: StreamRef, level: int, ranges: Sequence[Interval]
) -> int:
    """Give the number of rows of a level that lie in ranges."""
    query = f"""
        SELECT COALESCE(sum(part.rows), 0)::bigint
        FROM unnest($1::timestamp[], $2::timestamp[]) AS range (start, stop),
        LATERAL (SELECT count(*) AS rows FROM {qualified(stream.id, level)}
            WHERE time >= range.start AND time < range.stop) part
    """
    starts, ends = [bound(r.start) for r in ranges], [bound(r.end) for r in ranges]
    found: int = await connection.fetchval(query, starts, ends, timeout=LONG_S)
    return found


async def delete(
    connection: asyncpg.Connection, stream: StreamRef, level: int, interval: Interval
) -> None:
    """Remove the groups whose time lies in ``[start, end)``."""
    await connection.execute(
        f"DELETE FROM {qualified(stream.id, level)} WHERE time >= $1 AND time < $2",
        bound(interval.start),
        bound(interval.end),
    )


def ranges_sql(ranges: Sequence[Interval]) -> str:
    """Give the SQL for a table ``range`` of ``start``, ``stop`` and ``number``, from 1 on."""
    starts, ends = _array([r.start for r in ranges]), _array([r.end for r in ranges])
    return f"unnest({starts}, {ends}) WITH ORDINALITY AS range (start, stop, number)"


def _array(times: Sequence[int]) -> str:
    return f"ARRAY[{', '.join(map(time_literal, times))}]"


class KnownLevels:
    """The levels of streams that have a table, as of the last look.

    A level that came meanwhile is not missed: what is finer says the same.
    """

    def __init__(self) -> None:
        self._found: dict[int, list[int]] = {}

    async def use(
        self,
        connection: asyncpg.Connection,
        stream: StreamRef,
        coarsest: int,
        work: Callable[[list[int]], Awaitable[T]],
    ) -> T:
        """Do something with the levels up to one; once more when the table of one has gone."""
        found = self._found.get(stream.id, [])
        if not found or found[-1] < coarsest:
            found = await self._look(connection, stream)
        try:
            return await work([level for level in found if level <= coarsest])
        except asyncpg.UndefinedTableError:
            found = await self._look(connection, stream)
            return await work([level for level in found if level <= coarsest])

    async def _look(self, connection: asyncpg.Connection, stream: StreamRef) -> list[int]:
        found = self._found[stream.id] = await stored(connection, stream)
        return found
