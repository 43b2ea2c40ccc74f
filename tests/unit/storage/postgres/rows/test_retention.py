from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.intervals import MIN_TIME
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.rows import editing
from joule.storage.postgres.tables import chunking
from joule.testing.engine_contract.checks import check_stream, make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("int16", 1))

# What is used of TimescaleDB, as plain SQL: a chunk is a hundred microseconds of a table.
STAND_IN = """
CREATE SCHEMA timescaledb_information;
CREATE VIEW timescaledb_information.hypertables AS
SELECT schemaname AS hypertable_schema, tablename AS hypertable_name
FROM pg_tables WHERE schemaname = 'data' AND tablename !~ '_intervals$';
CREATE FUNCTION public.hypertable_size(name regclass) RETURNS bigint LANGUAGE sql
AS 'SELECT pg_total_relation_size(name)';
CREATE FUNCTION public.drop_chunks(name regclass, older_than timestamp) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE us bigint := floor(extract(epoch FROM older_than) * 1000000)::bigint / 100 * 100;
BEGIN
    EXECUTE format('DELETE FROM %s WHERE time < $1', name)
        USING '1970-01-01'::timestamp + us * interval '1 microsecond';
    RETURN NEXT 'chunk';
END $$;
"""


@pytest.fixture(params=["plain", "chunks"])
async def store(
    engine: PostgresEngine, connection: Connection, request: pytest.FixtureRequest
) -> PostgresEngine:
    if request.param == "chunks":
        await connection.execute(STAND_IN)
        engine._server.has_timescale = True
    return engine


async def test_old_rows_go_with_their_boundaries_and_groups(
    store: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "ROWS_PER_STEP", 50)
    rows = make_rows(STREAM.layout, range(1000))
    for start in range(0, 1000, 250):
        part = rows[start : start + 250].copy()
        store.samples.append(STREAM, part, starts_interval=True)
    await store.samples.commit()
    assert await store.samples.retain(STREAM, 333) == 333
    await check_stream(store.samples, STREAM, [rows[333:500], rows[500:750], rows[750:]])
    found = await connection.fetch("SELECT time FROM data.stream1_intervals ORDER BY time")
    assert [time for (time,) in found] == [500, 750]
    assert await connection.fetchval("SELECT min(time) FROM data.stream1_4") >= 333
    assert await store.samples.retain(STREAM, 400) == 67
    assert await store.samples.retain(STREAM, 5000) == 600
    await check_stream(store.samples, STREAM, [])


async def test_pending_rows_that_are_old_go_too(store: PostgresEngine) -> None:
    rows = make_rows(STREAM.layout, range(500))
    store.samples.append(STREAM, rows.copy())
    assert await store.samples.retain(STREAM, MIN_TIME) == 0
    assert await store.samples.retain(STREAM, 450) == 450
    await check_stream(store.samples, STREAM, [rows[450:]])


def test_the_length_of_chunks_is_chosen_once() -> None:
    assert chunking.is_due(0, 200)
    assert chunking.is_due(199, 5000)
    assert not chunking.is_due(0, 199)
    assert not chunking.is_due(200, 201)
