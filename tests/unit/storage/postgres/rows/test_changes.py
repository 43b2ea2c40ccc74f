from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest

from joule.errors import StorageError, StreamNotFound
from joule.models.events import Event
from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import RowsRefusedError, StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.connection.errors import OutcomeUnknownError
from joule.storage.postgres.connection.server import Server
from joule.storage.postgres.rows import batches, stream_states
from joule.testing.engine_contract.checks import check_stream, make_rows
from joule.testing.postgres import running_server

if TYPE_CHECKING:
    from pathlib import Path

    from asyncpg import Connection

STREAM = StreamRef(1, Layout("int16", 2))
OTHER = StreamRef(2, Layout("int16", 2))
FEW = Interval(5, 10)

Lose: TypeAlias = Any


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Lose:
    """Let the answer to the next write be lost, after it was done or instead."""
    write = Server.write

    def lose_next(*, committed: bool) -> None:
        async def lost(server: Server, work: Any, **more: Any) -> Any:
            monkeypatch.setattr(Server, "write", write)
            if committed:
                await write(server, work, **more)
            raise OutcomeUnknownError("nobody knows")

        monkeypatch.setattr(Server, "write", lost)

    return lose_next


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("stored", [0, 30])
async def test_rows_whose_commit_nobody_knows_of_are_neither_lost_nor_doubled(
    engine: PostgresEngine, lose: Lose, committed: bool, stored: int
) -> None:
    rows = make_rows(STREAM.layout, range(100))
    if stored:
        engine.samples.append(STREAM, rows[:stored].copy())
        await engine.samples.commit()
    engine.samples.append(STREAM, rows[stored:70].copy())
    lose(committed=committed)
    with pytest.raises(OutcomeUnknownError):
        await engine.samples.commit()
    assert engine.samples.pending_bytes
    engine.samples.append(STREAM, rows[70:].copy())
    assert await engine.samples.count(STREAM, ALL_TIME) == 100
    await engine.samples.commit()
    assert engine.samples.pending_bytes == 0
    await check_stream(engine.samples, STREAM, [rows])


@pytest.mark.parametrize("committed", [True, False])
async def test_pending_rows_of_a_lost_edit_are_neither_lost_nor_doubled(
    engine: PostgresEngine, lose: Lose, committed: bool
) -> None:
    rows = make_rows(STREAM.layout, range(100))
    engine.samples.append(STREAM, rows[:50].copy())
    engine.samples.append(STREAM, rows[60:].copy())
    lose(committed=committed)
    late = {"starts_interval": False, "ends_interval": False}
    with pytest.raises(OutcomeUnknownError):
        await engine.samples.insert(STREAM, rows[50:60], **late)
    if not committed:
        await engine.samples.insert(STREAM, rows[50:60], **late)
    await check_stream(engine.samples, STREAM, [rows])


async def test_a_stream_that_cannot_be_stored_keeps_back_no_other(
    engine: PostgresEngine, connection: Connection
) -> None:
    await connection.execute("CREATE TABLE data.stream1 (time timestamp PRIMARY KEY, elem0 real)")
    mine, other = (make_rows(s.layout, range(10)) for s in (STREAM, OTHER))
    engine.samples.append(STREAM, mine.copy())
    engine.samples.append(OTHER, other.copy())
    for _ in range(2):
        with pytest.raises(StorageError):
            await engine.samples.commit()
        assert engine.samples.pending_bytes == mine.nbytes
    assert await connection.fetchval("SELECT count(*) FROM data.stream2") == 10
    await check_stream(engine.samples, OTHER, [other])
    await connection.execute("DROP TABLE data.stream1")
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [mine])


async def test_more_streams_are_stored_than_a_transaction_takes(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "STREAMS_MAX", 3)
    streams = [StreamRef(number, STREAM.layout) for number in range(1, 8)]
    rows = make_rows(STREAM.layout, range(10))
    for stream in streams:
        engine.samples.append(stream, rows.copy())
    await engine.samples.commit()
    assert engine.samples.pending_bytes == 0
    for stream in streams:
        await check_stream(engine.samples, stream, [rows])


async def test_rows_outlast_an_outage(postgres_binaries: Path) -> None:
    rows = make_rows(STREAM.layout, range(90))
    with running_server(postgres_binaries, durable=True) as server:
        async with PostgresEngine(Address.parse(server.address())) as engine:
            engine.samples.append(STREAM, rows[:30].copy())
            await engine.samples.commit()
            server.stop_at_once()
            for start in (30, 60):
                engine.samples.append(STREAM, rows[start : start + 30].copy())
                with pytest.raises(StorageError):
                    await engine.samples.commit()
            assert engine.samples.pending_bytes == rows[30:].nbytes
            with pytest.raises(StorageError):
                await engine.samples.count(STREAM, ALL_TIME)
            server.start()
            await engine.samples.commit()
            assert engine.samples.pending_bytes == 0
            await check_stream(engine.samples, STREAM, [rows])


async def test_a_boundary_behind_the_last_row_breaks_nothing(
    engine: PostgresEngine, connection: Connection
) -> None:
    """Joule 1.0 writes one when a module ends; whether rows go on is said when they come."""
    rows = make_rows(STREAM.layout, range(0, 200, 10))
    await connection.execute(
        "CREATE TABLE data.stream1 (time timestamp PRIMARY KEY, elem0 smallint, elem1 smallint);"
        "CREATE TABLE data.stream1_intervals (time timestamp NOT NULL)"
    )
    engine.samples.append(STREAM, rows[:10].copy())
    await engine.samples.commit()
    await connection.execute("INSERT INTO data.stream1_intervals VALUES ($1)", 91)
    await engine.__aexit__(None, None, None)
    await engine.__aenter__()
    engine.samples.append(STREAM, rows[10:].copy())
    await check_stream(engine.samples, STREAM, [rows])
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [rows])


async def test_rows_that_joule_1_wrote_meanwhile_are_counted(
    postgres_address: str, connection: Connection
) -> None:
    rows = make_rows(STREAM.layout, range(50))
    engine = PostgresEngine(Address.parse(postgres_address))
    async with engine:
        engine.samples.append(STREAM, rows[:40].copy())
    await connection.execute(
        "INSERT INTO data.stream1 SELECT '1970-01-01'::timestamp + t * interval '1 microsecond',"
        " 0, 0 FROM generate_series(40, 49) t"
    )
    async with PostgresEngine(Address.parse(postgres_address)) as again:
        info = await again.samples.info(STREAM)
        assert (info.rows, info.start, info.end) == (50, 0, 49)
        again.samples.append(STREAM, make_rows(STREAM.layout, [50]))
        await again.samples.commit()
        assert (await again.samples.info(STREAM)).rows == 51
    assert await connection.fetchval("SELECT rows FROM joule.total WHERE stream_id = 1") == 51


async def test_a_total_without_rows_is_not_believed(
    engine: PostgresEngine, connection: Connection
) -> None:
    engine.samples.append(STREAM, make_rows(STREAM.layout, range(5)))
    await engine.samples.commit()
    await engine.__aexit__(None, None, None)
    await connection.execute("TRUNCATE data.stream1")
    await engine.__aenter__()
    assert (await engine.samples.info(STREAM)).rows == 0
    await check_stream(engine.samples, STREAM, [])


async def test_boundaries_are_one_microsecond_behind_the_row_before(
    engine: PostgresEngine, connection: Connection
) -> None:
    for start in (0, 100, 101, 300):
        rows = make_rows(STREAM.layout, [start, start + 50] if start != 100 else [100])
        engine.samples.append(STREAM, rows, starts_interval=True)
    await engine.samples.commit()
    engine.samples.append(STREAM, make_rows(STREAM.layout, [1000]), starts_interval=True)
    await engine.samples.commit()
    found = await connection.fetch("SELECT time FROM data.stream1_intervals ORDER BY time")
    assert [time for (time,) in found] == [51, 101, 152, 351]


async def test_an_edit_of_a_stream_without_rows_makes_no_tables(
    engine: PostgresEngine, connection: Connection
) -> None:
    await engine.samples.delete(STREAM, ALL_TIME)
    await engine.samples.consolidate(STREAM, ALL_TIME, 5)
    await engine.samples.retain(STREAM, 10)
    await engine.samples.decimate(STREAM)
    assert await connection.fetchval("SELECT to_regclass('data.stream1') IS NULL")


async def test_tables_that_somebody_reads_are_not_waited_for_to_be_dropped(
    engine: PostgresEngine, connection: Connection
) -> None:
    """``pg_dump`` holds them for hours; new rows of all streams would wait behind it."""
    rows = make_rows(STREAM.layout, range(100))
    engine.samples.append(STREAM, rows.copy())
    await engine.samples.commit()
    async with connection.transaction():
        await connection.execute("LOCK TABLE data.stream1, data.stream1_4 IN ACCESS SHARE MODE")
        with pytest.raises(StorageError, match="somebody else holds the tables"):
            await engine.samples.decimate(STREAM)
        await check_stream(engine.samples, STREAM, [rows])
        await engine.samples.drop([1])
    await engine.maintain()
    await check_stream(engine.samples, STREAM, [])
    assert await connection.fetchval("SELECT to_regclass('data.stream1')") is None


async def test_a_stream_whose_rows_are_refused_keeps_back_no_other(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_states, "REFUSED_BYTES_MAX", 1000)
    rows = make_rows(STREAM.layout, range(300))
    for stream in (STREAM, OTHER):
        engine.samples.append(stream, rows[:100].copy())
    await engine.samples.commit()
    await connection.execute("ALTER TABLE data.stream1 ADD CONSTRAINT no CHECK (false) NOT VALID")
    for stream in (STREAM, OTHER):
        engine.samples.append(stream, rows[100:200].copy())
    with pytest.raises(
        StorageError, match="the rows of stream number 1 cannot be stored"
    ) as caught:
        await engine.samples.commit()
    assert isinstance(caught.value, RowsRefusedError)
    assert caught.value.streams == {STREAM.id}
    await check_stream(engine.samples, OTHER, [rows[:200]])
    with pytest.raises(StorageError, match="the rows of stream number 1 cannot be stored"):
        engine.samples.append(STREAM, rows[200:].copy())
    engine.samples.append(OTHER, rows[200:].copy())
    await connection.execute("ALTER TABLE data.stream1 DROP CONSTRAINT no")
    await engine.samples.commit()
    engine.samples.append(STREAM, rows[200:].copy())
    await engine.samples.commit()
    for stream in (STREAM, OTHER):
        await check_stream(engine.samples, stream, [rows])


async def test_what_a_server_has_lost_is_noticed(
    engine: PostgresEngine, connection: Connection
) -> None:
    """A standby that took over may lag behind; or another node was there meanwhile."""
    rows = make_rows(STREAM.layout, range(100))
    stream = StreamRef(1, STREAM.layout, decimate=False)
    engine.samples.append(stream, rows[:60].copy())
    await engine.samples.commit()
    await engine.events.write(1, [Event(0, 1)])
    await connection.execute("DELETE FROM data.stream1 WHERE elem0 >= $1", int(rows[50]["data"][0]))
    assert await connection.fetchval("SELECT count(*) FROM data.stream1") == 50
    await connection.execute("DROP TABLE data.event1")
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> $1"
    mine = connection.get_server_pid()
    await connection.execute(f"{others} AND datname = current_database()", mine)
    engine.samples.append(stream, rows[60:].copy())
    await engine.samples.commit()
    await check_stream(engine.samples, stream, [np.delete(rows, range(50, 60))])
    await engine.events.write(1, [Event(5, 6)])
    assert (await engine.events.info(1)).count == 1


@pytest.mark.parametrize("deletes", [False, True])
async def test_new_rows_are_stored_while_those_of_others_are_counted(
    engine: PostgresEngine, connection: Connection, postgres_address: str, deletes: bool
) -> None:
    """Joule 1.0 keeps no totals; to count years of rows takes minutes."""
    rows = make_rows(STREAM.layout, range(100))
    engine.samples.append(STREAM, rows.copy())
    await engine.samples.commit()
    await engine.__aexit__(None, None, None)
    await connection.execute("DELETE FROM joule.total")
    async with PostgresEngine(Address.parse(postgres_address)) as again:
        async with connection.transaction():
            await connection.execute("LOCK TABLE data.stream1_4")
            samples = again.samples
            asking = samples.delete(STREAM, FEW) if deletes else samples.count(STREAM, ALL_TIME)
            counting = asyncio.create_task(asking)
            await asyncio.sleep(0.2)
            again.samples.append(OTHER, rows.copy())
            await again.samples.commit()
            assert not counting.done()
        assert await counting == (5 if deletes else 100)
        left = 95 if deletes else 100
        assert await connection.fetchval("SELECT rows FROM joule.total WHERE stream_id = 1") == left


async def test_late_rows_do_not_bring_back_a_stream_that_is_removed(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows = make_rows(STREAM.layout, range(100))
    engine.samples.append(STREAM, rows[50:].copy())
    await engine.samples.commit()
    late = {"starts_interval": False, "ends_interval": False}
    async with engine.samples._changes._turns.turn():
        removing = asyncio.create_task(engine.samples.drop([STREAM.id]))
        inserting = asyncio.create_task(engine.samples.insert(STREAM, rows[:50].copy(), **late))
        await asyncio.sleep(0.1)
    await removing
    with pytest.raises(StreamNotFound, match="was removed"):
        await inserting
    assert await connection.fetchval("SELECT to_regclass('data.stream1')") is None
