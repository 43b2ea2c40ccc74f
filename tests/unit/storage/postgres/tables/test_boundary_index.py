from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.tables import boundary_index
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    import pytest
    from asyncpg import Connection

STREAM = StreamRef(7, Layout("int16", 1))
INDEX = "joule_stream7_intervals"


async def indexes(connection: Connection) -> list[str]:
    found = await connection.fetch(
        "SELECT indexname FROM pg_indexes WHERE tablename LIKE 'stream%_intervals' ORDER BY 1"
    )
    return [name for (name,) in found]


async def fill(engine: PostgresEngine, start: int) -> None:
    rows = make_rows(STREAM.layout, range(start, start + 10))
    engine.samples.append(STREAM, rows, starts_interval=True)
    await engine.samples.commit()


async def test_new_tables_have_it(engine: PostgresEngine, connection: Connection) -> None:
    await fill(engine, 0)
    assert await indexes(connection) == [INDEX]
    await engine.samples.drop([7])
    assert await indexes(connection) == []


async def test_tables_of_joule_1_0_get_it_when_they_are_taken_over(
    postgres_address: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary_index, "TABLES_PER_STEP", 2)
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        await fill(engine, 0)
        await fill(engine, 20)
    await connection.execute(f"DROP INDEX data.{INDEX}")
    for name in ("stream1_intervals", "stream12_intervals", "streamx_intervals"):
        await connection.execute(f"CREATE TABLE data.{name} (time timestamp NOT NULL)")
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        assert await indexes(connection) == [f"joule_stream{i}_intervals" for i in (12, 1, 7)]
        assert await engine.samples.intervals(STREAM, ALL_TIME) == [(0, 10), (20, 30)]


async def test_a_table_that_somebody_holds_does_without_it(
    postgres_address: str,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with PostgresEngine(Address.parse(postgres_address)) as engine:
        await fill(engine, 0)
    await connection.execute(f"DROP INDEX data.{INDEX}")
    monkeypatch.setattr(boundary_index, "IMPATIENTLY", "SET LOCAL lock_timeout = '50ms'")
    async with connection.transaction():
        await connection.execute("LOCK TABLE data.stream7_intervals IN ROW EXCLUSIVE MODE")
        async with PostgresEngine(Address.parse(postgres_address)) as engine:
            assert await engine.samples.intervals(STREAM, ALL_TIME) == [(0, 10)]
        assert "have no index" in caplog.text
    assert await indexes(connection) == []


async def test_a_page_looks_boundaries_up_in_it(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, 0)
    await connection.execute(
        "INSERT INTO data.stream7_intervals SELECT generate_series(1000, 90000) * interval '1us'"
        " + timestamp '1970-01-01'; ANALYZE data.stream7_intervals"
    )
    found = await connection.fetch(
        "EXPLAIN SELECT DISTINCT time FROM data.stream7_intervals"
        " WHERE time >= $1 AND time < $2 ORDER BY time LIMIT 5000",
        *Interval(5000, 6000),
    )
    assert INDEX in " ".join(line for (line,) in found)
