"""What others do while copies are made: other parts of the node, other programs, the server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.rows import compressing
from joule.testing.engine_contract.checks import check_stream, make_rows, read_runs
from tests.unit.storage.postgres.compressed_kit import check_copies, copies, table_rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncpg import Connection

    Between = Callable[[Callable[[], Awaitable[Any]]], None]

STREAM = StreamRef(1, Layout("int16", 1))
OTHER = StreamRef(2, Layout("int16", 1))
END_NODE_LOCK = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
AHEAD = """
INSERT INTO data.stream1 SELECT '1970-01-01'::timestamp + t * interval '1 microsecond', 0
FROM generate_series(1000, 1020) t
"""
LOGGER = "joule.storage.postgres.rows.compressing"

pytestmark = pytest.mark.usefixtures("small_copies")


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Have something done once between the first read of rows and when their copies are kept."""
    rows = compressing._rows

    def once(work: Callable[[], Awaitable[Any]]) -> None:
        async def then_work(*args: Any) -> Any:
            found = await rows(*args)
            monkeypatch.setattr(compressing, "_rows", rows)
            await work()
            return found

        monkeypatch.setattr(compressing, "_rows", then_work)

    return once


async def fill(engine: PostgresEngine, times: range, stream: StreamRef = STREAM) -> None:
    engine.samples.append(stream, make_rows(stream.layout, times))
    await engine.samples.commit()


async def check_reads(engine: PostgresEngine, connection: Connection) -> None:
    """Fail unless the rows that are read are those of the table."""
    found, _ = await read_runs(engine.samples, STREAM)
    rows = await table_rows(connection, STREAM)
    assert b"".join(run.tobytes() for run in found) == rows.tobytes()


# ------------------------------------------------------------------ the node itself


async def test_a_stream_is_dropped_in_the_middle_of_a_step(
    engine: PostgresEngine,
    connection: Connection,
    between: Between,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await fill(engine, range(100))
    await fill(engine, range(50), OTHER)
    between(lambda: engine.samples.drop([1]))
    await engine.samples.compress()
    assert await copies(connection, STREAM) == []
    assert await check_copies(connection, OTHER) == 5
    assert not caplog.records


@pytest.mark.parametrize("looks", range(1, 6))
async def test_a_stream_is_dropped_between_steps(
    engine: PostgresEngine,
    connection: Connection,
    caplog: pytest.LogCaptureFixture,
    looks: int,
) -> None:
    await fill(engine, range(400))
    making = asyncio.ensure_future(engine.samples.compress())
    for _ in range(looks):
        await connection.execute("SELECT")
    await engine.samples.drop([1])
    await making
    assert await connection.fetchval("SELECT count(*) FROM joule.compressing") == 0
    await fill(engine, range(30))
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 3
    assert not caplog.records


async def test_older_rows_change_when_copies_of_them_are_kept(
    engine: PostgresEngine, connection: Connection, between: Between
) -> None:
    await fill(engine, range(0, 1000, 10))
    changing: list[asyncio.Future[Any]] = []
    late = make_rows(STREAM.layout, [55, 255])

    async def change() -> None:
        insert = engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
        changing.append(asyncio.ensure_future(insert))
        changing.append(asyncio.ensure_future(engine.samples.retain(STREAM, 100)))
        await asyncio.sleep(0.05)
        assert not any(change.done() for change in changing)

    between(change)
    await engine.samples.compress()
    await asyncio.gather(*changing)
    await check_copies(connection, STREAM)
    await check_reads(engine, connection)
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) > 8
    await check_reads(engine, connection)


async def test_new_rows_wait_for_nothing(engine: PostgresEngine, between: Between) -> None:
    await fill(engine, range(100))
    between(lambda: fill(engine, range(100, 200)))
    async with asyncio.timeout(30):
        await engine.samples.compress()
    await check_stream(engine.samples, STREAM, [make_rows(STREAM.layout, range(200))])


async def test_two_who_want_copies_at_once_read_rows_once(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    rows = compressing._rows

    async def counted(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        return await rows(*args)

    monkeypatch.setattr(compressing, "_rows", counted)
    await fill(engine, range(310))
    await asyncio.gather(engine.samples.compress(), engine.maintain(), engine.samples.compress())
    assert await check_copies(connection, STREAM) == 31
    assert reads == 8


# ------------------------------------------------------------------ other nodes, other programs


async def test_another_node_had_the_database_since_rows_were_read(
    engine: PostgresEngine, connection: Connection, between: Between
) -> None:
    await fill(engine, range(50))

    async def have() -> None:
        await connection.execute(END_NODE_LOCK)
        await connection.execute("UPDATE data.stream1 SET elem0 = 7")  # as a node: no version

    between(have)
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 5
    await check_reads(engine, connection)


async def test_another_node_made_copies_meanwhile(
    engine: PostgresEngine,
    connection: Connection,
    postgres_address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fill(engine, range(0, 1000, 10))
    with monkeypatch.context() as patch:
        patch.setattr(compressing, "COPIES_PER_STEP", 1)
        while not await copies(connection, STREAM):
            assert await engine.samples._compressing.go_on(0.001)  # type: ignore[union-attr]
    await connection.execute(END_NODE_LOCK)
    async with PostgresEngine(Address.parse(postgres_address)) as other:
        late = make_rows(STREAM.layout, [403])
        await other.samples.compress()
        await other.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) >= 10
    found, _ = await read_runs(engine.samples, STREAM, Interval(0, 991))
    assert sum(map(len, found)) == 101


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE data.stream1 SET elem0 = 7 WHERE elem0 % 3 = 0",
        "DELETE FROM data.stream1 WHERE time < '1970-01-01 00:00:00.000015'",
        "INSERT INTO data.stream1 VALUES ('1970-01-01 00:00:00.000001', 3)",
    ],
)
async def test_rows_that_others_change_meanwhile_are_in_no_copy(
    engine: PostgresEngine,
    connection: Connection,
    stranger: Connection,
    between: Between,
    statement: str,
) -> None:
    await fill(engine, range(0, 200, 2))
    between(lambda: stranger.execute(statement))
    await engine.samples.compress()
    await check_copies(connection, STREAM)
    await check_reads(engine, connection)
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) >= 9
    await check_reads(engine, connection)


async def test_rows_that_others_put_ahead_are_in_no_copy_before_the_node_is_there(
    engine: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await fill(engine, range(50))
    await stranger.execute(AHEAD)
    await engine.samples.compress()
    await fill(engine, range(50, 100))
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 10
    found, _ = await read_runs(engine.samples, STREAM)
    assert (
        b"".join(run.tobytes() for run in found) == make_rows(STREAM.layout, range(100)).tobytes()
    )


async def test_rows_of_the_node_among_those_that_others_put_ahead_are_not_missed(
    engine: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await fill(engine, range(50))
    await stranger.execute(AHEAD)
    engine.samples.append(STREAM, make_rows(STREAM.layout, range(60, 70)))
    engine.samples._changes.states.doubt()  # as after a failed commit
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 7
    for times in (range(0), range(990, 1000), range(1021, 1030)):
        await fill(engine, times)
        await check_copies(connection, STREAM)
        found, _ = await read_runs(engine.samples, STREAM)
        rows = await table_rows(connection, STREAM)
        assert b"".join(run.tobytes() for run in found) == rows.tobytes()
    assert len(rows) == 50 + 21 + 10 + 10 + 9


async def test_a_table_with_other_columns_is_told_of_once(
    engine: PostgresEngine,
    connection: Connection,
    stranger: Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    third = StreamRef(3, STREAM.layout)
    for stream in (STREAM, OTHER, third):
        await fill(engine, range(50), stream)
    await stranger.execute("ALTER TABLE data.stream1 ADD COLUMN note text DEFAULT 'fine'")
    await stranger.execute("ALTER TABLE data.stream3 ALTER COLUMN elem0 TYPE bigint")
    with caplog.at_level("INFO", compressing.__name__):
        for _ in range(2):
            await engine.samples.compress()
    assert await check_copies(connection, OTHER) == 5
    assert await copies(connection, STREAM) == []
    one, another = (record.getMessage().split(":")[0] for record in caplog.records)
    assert {one, another} == {f"rows of stream {n} are not compressed" for n in (1, 3)}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_table_that_shares_its_rows_with_another_is_told_of_once(
    engine: PostgresEngine,
    connection: Connection,
    stranger: Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for stream in (STREAM, OTHER):
        await fill(engine, range(50), stream)
    await stranger.execute("CREATE TABLE public.child () INHERITS (data.stream1)")
    for _ in range(2):
        await engine.samples.compress()
    assert await check_copies(connection, OTHER) == 5
    assert await copies(connection, STREAM) == []
    (record,) = caplog.records
    assert "stream 1 are not compressed: data.stream1 shares its rows" in record.getMessage()


async def test_a_table_that_somebody_holds_waits_and_the_others_do_not(
    engine: PostgresEngine,
    connection: Connection,
    stranger: Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    await fill(engine, range(50))
    await fill(engine, range(50), OTHER)
    async with stranger.transaction():
        await stranger.execute("LOCK TABLE data.stream1 IN ROW EXCLUSIVE MODE")
        await engine.samples.compress()
        assert await copies(connection, STREAM) == []
        assert await check_copies(connection, OTHER) == 5
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    assert "rows of stream 1 are compressed later" in caplog.text
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 5


async def test_a_row_at_infinity_is_in_the_way_of_its_stream_alone(
    engine: PostgresEngine, connection: Connection, stranger: Connection
) -> None:
    await fill(engine, range(50))
    await fill(engine, range(50), OTHER)
    await stranger.execute("INSERT INTO data.stream1 VALUES ('infinity', 3)")
    await engine.__aexit__(None, None, None)
    await engine.__aenter__()
    for stream in (STREAM, OTHER):
        await engine.samples.info(stream)
    await engine.samples.compress()
    assert await check_copies(connection, OTHER) == 5
