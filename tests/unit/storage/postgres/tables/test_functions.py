from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.storage.postgres.tables import functions

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

SECOND = 1_000_000


async def fill(connection: Connection, table: str, count: int, step: int) -> None:
    await connection.execute(f"CREATE TABLE data.{table} (time timestamp PRIMARY KEY)")
    await connection.execute(
        f"INSERT INTO data.{table} SELECT to_timestamp(n * $2::int) AT TIME ZONE 'UTC' "
        "FROM generate_series(0, $1::int - 1) AS n",
        count,
        step,
    )


async def info(connection: Connection, function: str) -> tuple[object, ...]:
    return tuple(await connection.fetchrow(f"SELECT * FROM public.{function}(3)"))


async def test_a_stream_without_tables_is_empty(
    engine: PostgresEngine, connection: Connection
) -> None:
    assert await info(connection, "stream_info") == (0, 0, None, None)
    assert await info(connection, "stream_info_fast") == (0, None, None)
    row_count = "SELECT public.stream_row_count(3, '-infinity', 'infinity')"
    assert await connection.fetchval(row_count) == 0


@pytest.mark.parametrize(("rows", "estimate"), [(0, 0), (90, 90), (101, 100), (401, 400)])
async def test_rows_are_estimated_by_the_highest_level_that_has_enough(
    engine: PostgresEngine, connection: Connection, rows: int, estimate: int
) -> None:
    await fill(connection, "stream3", rows, 1)
    await fill(connection, "stream3_4", rows // 4, 4)
    await fill(connection, "stream3_16", rows // 16, 16)
    size, found, first, last = await info(connection, "stream_info")
    ends = (0, (rows - 1) * SECOND) if rows else (None, None)
    assert (found, first, last) == (estimate, *ends)
    assert isinstance(size, int)
    assert size > 0
    assert await info(connection, "stream_info_fast") == (rows, *ends)


async def test_functions_of_another_kind_are_replaced_or_left(
    engine: PostgresEngine, connection: Connection
) -> None:
    for _ in range(2):
        await functions.make(connection, has_timescale=False)
    kinds = await connection.fetch(
        "SELECT provolatile, proisstrict FROM pg_proc WHERE proname LIKE 'stream\\_%'"
        "AND pronamespace = 'public'::regnamespace"
    )
    assert [tuple(kind) for kind in kinds] == [(b"s", True)] * 3
