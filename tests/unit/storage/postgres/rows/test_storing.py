"""Commits that take several transactions, on two sessions at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from joule.errors import StorageError
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import RowsRefusedError, StreamRef
from joule.storage.postgres.connection import connecting
from joule.storage.postgres.connection.errors import OutcomeUnknownError
from joule.storage.postgres.connection.server import Server
from joule.storage.postgres.rows import batches
from joule.testing.engine_contract.checks import check_stream, make_rows
from tests.unit.storage.postgres.level_kit import levels_by_hand, stored_groups

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows
    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("float32", 2))
OTHER = StreamRef(2, Layout("int16", 1))
FIRST, COUNT = 2000, 10_000
"""Rows in the commit that makes the tables, and all of them."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "STREAM_BYTES", 100)
    monkeypatch.setattr(batches, "BATCH_BYTES_MIN", 4000)
    monkeypatch.setattr(batches, "BATCH_BYTES_MAX", 16_000)


class Writes:
    """Counts transactions, and what of them is under way at once; one of them may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.most_at_once = 0
        self.fail_at: int | None = None
        self.error: StorageError = StorageError("enough")
        self.is_committed = False
        self._under_way = 0
        write = Server.write

        async def counted(server: Server, work: Any, **more: Any) -> Any:
            self.count += 1
            fails = self.count == self.fail_at
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            try:
                if fails and not self.is_committed:
                    more["closing"] = self._fail
                result = await write(server, work, **more)
                if fails:
                    raise self.error
                return result
            finally:
                self._under_way -= 1

        monkeypatch.setattr(Server, "write", counted)

    def _fail(self, _result: object) -> str:
        raise self.error


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    return Writes(monkeypatch)


def some_rows(count: int = COUNT) -> Rows:
    rows = make_rows(STREAM.layout, range(count))
    rows["data"] = np.random.default_rng(1).normal(0, 100, (count, 2))
    return rows


async def begin(engine: PostgresEngine, rows: Rows) -> None:
    """Store the first rows, so that all tables are there."""
    engine.samples.append(STREAM, rows[:FIRST].copy())
    await engine.samples.commit()


async def check_all(engine: PostgresEngine, connection: Connection, runs: list[Rows]) -> None:
    """Fail unless rows, intervals, totals and groups are those of these runs."""
    await check_stream(engine.samples, STREAM, runs)
    assert await stored_groups(connection, STREAM) == levels_by_hand(runs)
    total = await connection.fetchrow("SELECT rows, first_time, last_time FROM joule.total")
    times = np.concatenate([run["timestamp"] for run in runs])
    assert tuple(total) == (len(times), times[0], times[-1])


async def test_two_sessions_store_what_one_would(
    engine: PostgresEngine, connection: Connection, writes: Writes
) -> None:
    rows = some_rows()
    await begin(engine, rows)
    edges = [FIRST, 2002, 5000, 5001, 7777, COUNT]
    for start, end in pairwise(edges):
        engine.samples.append(STREAM, rows[start:end].copy(), starts_interval=start != FIRST)
    writes.count = 0
    await engine.samples.commit()
    assert writes.count > 5
    assert writes.most_at_once == 2
    edges[0] = 0
    await check_all(engine, connection, [rows[a:b] for a, b in pairwise(edges)])


async def test_levels_that_are_not_there_yet_are_made_on_the_way(
    engine: PostgresEngine, connection: Connection, writes: Writes
) -> None:
    rows = some_rows()
    engine.samples.append(STREAM, rows[:10].copy())
    await engine.samples.commit()
    engine.samples.append(STREAM, rows[10:].copy())
    await engine.samples.commit()
    assert writes.most_at_once == 2
    await check_all(engine, connection, [rows])


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("outcome", ["failed", "unknown", "unknown but done"])
async def test_whatever_fails_the_first_rows_are_stored_and_no_others(
    engine: PostgresEngine, connection: Connection, writes: Writes, number: int, outcome: str
) -> None:
    rows = some_rows()
    await begin(engine, rows)
    writes.count, writes.fail_at = 0, number
    writes.is_committed = outcome == "unknown but done"
    if outcome != "failed":
        writes.error = OutcomeUnknownError("nobody knows")
    engine.samples.append(STREAM, rows[FIRST:].copy())
    with pytest.raises(type(writes.error), match=str(writes.error)):
        await engine.samples.commit()
    found = await connection.fetch("SELECT time FROM data.stream1 ORDER BY time")
    stored = [time for (time,) in found]
    assert FIRST <= len(stored) < COUNT
    assert stored == rows["timestamp"][: len(stored)].tolist()
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows[: len(stored)]])
    writes.fail_at = None
    await engine.samples.commit()
    assert engine.samples.pending_bytes == 0
    await check_all(engine, connection, [rows])


async def test_rows_that_are_refused_keep_back_no_others_of_many_transactions(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows, others = some_rows(), make_rows(OTHER.layout, range(COUNT))
    await begin(engine, rows)
    engine.samples.append(OTHER, others[:FIRST].copy())
    await engine.samples.commit()
    last = int(rows["timestamp"][5000])
    await connection.execute(
        "ALTER TABLE data.stream1 ADD CONSTRAINT no CHECK"
        f" (time < timestamp '1970-01-01' + interval '{last} us') NOT VALID"
    )
    engine.samples.append(STREAM, rows[FIRST:].copy())
    engine.samples.append(OTHER, others[FIRST:].copy())
    with pytest.raises(StorageError, match="rows of stream number 1 cannot be stored"):
        await engine.samples.commit()
    await check_stream(engine.samples, OTHER, [others])
    assert await connection.fetchval("SELECT count(*) FROM data.stream2") == COUNT
    stored = await connection.fetchval("SELECT count(*) FROM data.stream1")
    assert FIRST <= stored <= 5000
    await connection.execute("ALTER TABLE data.stream1 DROP CONSTRAINT no")
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [rows])


async def test_who_wants_a_table_for_himself_does_not_come_between(
    engine: PostgresEngine, postgres_address: str
) -> None:
    """One transaction waits for the other here, which must not wait for it at the server."""
    rows = some_rows()
    await begin(engine, rows)
    stopping = asyncio.Event()

    async def disturb(table: str) -> int:
        times = 0
        other = await connecting.connect(Address.parse(postgres_address))
        try:
            while not stopping.is_set():
                async with other.transaction():
                    await other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                times += 1
        finally:
            await other.close()
        return times

    async with asyncio.TaskGroup() as group:
        tables = ("data.stream1", "data.stream1_4", "data.stream1_16")
        others = [group.create_task(disturb(table)) for table in tables]
        try:
            for start in range(FIRST, COUNT, 2000):
                engine.samples.append(STREAM, rows[start : start + 2000].copy())
                await engine.samples.commit()
        finally:
            stopping.set()
    assert all(task.result() for task in others)
    await check_stream(engine.samples, STREAM, [rows])


async def test_a_commit_ends_what_it_began_when_nobody_waits_any_more(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows = some_rows()
    await begin(engine, rows)
    engine.samples.append(STREAM, rows[FIRST:].copy())
    commit = asyncio.create_task(engine.samples.commit())
    await asyncio.sleep(0.005)
    commit.cancel()
    with suppress(asyncio.CancelledError):
        await commit
    await engine.samples.commit()
    await check_all(engine, connection, [rows])


async def test_whose_few_rows_are_refused_is_found_out(
    engine: PostgresEngine, connection: Connection, writes: Writes
) -> None:
    """They are in one message with those of others."""
    streams = [StreamRef(number, OTHER.layout) for number in range(1, 6)]
    rows = make_rows(OTHER.layout, range(40))
    for stream in streams:
        engine.samples.append(stream, rows[:20].copy())
    await engine.samples.commit()
    await connection.execute("ALTER TABLE data.stream3 ADD CONSTRAINT no CHECK (false) NOT VALID")
    for stream in streams:
        engine.samples.append(stream, rows[20:].copy())
    with pytest.raises(RowsRefusedError, match="rows of stream number 3 cannot") as caught:
        await engine.samples.commit()
    assert caught.value.streams == {3}
    for stream in streams:
        count = await connection.fetchval(f"SELECT count(*) FROM data.stream{stream.id}")
        assert count == (20 if stream.id == 3 else 40)
    await connection.execute("ALTER TABLE data.stream3 DROP CONSTRAINT no")
    await engine.samples.commit()
    for stream in streams:
        await check_stream(engine.samples, stream, [rows])


async def test_few_rows_of_many_streams_take_one_transaction(
    engine: PostgresEngine, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES_MIN", 100_000)
    streams = [StreamRef(number, OTHER.layout) for number in range(1, 21)]
    rows = make_rows(OTHER.layout, range(40))
    for start in (0, 20):
        writes.count = 0
        for stream in streams:
            engine.samples.append(stream, rows[start : start + 20].copy())
        await engine.samples.commit()
        assert writes.count == 1


async def test_a_stream_is_not_divided_where_chunks_are_made_on_the_way(
    engine: PostgresEngine, connection: Connection, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._server, "has_timescale", True)
    rows = some_rows()
    await begin(engine, rows)
    engine.samples.append(STREAM, rows[FIRST:].copy())
    writes.count = 0
    await engine.samples.commit()
    assert writes.count == 1
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows])
