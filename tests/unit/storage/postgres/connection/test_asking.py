from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from joule.models.layout import Layout
from joule.storage.postgres.connection import borrowing
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.connection.copy_format import record_of
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

ROWS = "SELECT timestamp '1970-01-01' + i * interval '1us', i::int2 FROM generate_series(1, {}) i"
LAYOUT = Layout("int16", 1)


async def read(connection: Connection, count: int) -> list[int]:
    (found,) = await ask(connection, [copy_of(ROWS.format(count))], 10)
    times: list[int] = found.rows(LAYOUT, "t")["timestamp"].tolist()
    return times


@pytest.mark.parametrize("count", [0, 1, 2, 3, 30_000])
async def test_rows_of_any_number_come(connection: Connection, count: int) -> None:
    assert await read(connection, count) == list(range(1, count + 1))


async def test_statements_see_one_state_and_give_what_each_copy_gave(
    connection: Connection,
) -> None:
    statements = ["SELECT 7", copy_of(ROWS.format(2)), "", copy_of(ROWS.format(0))]
    begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
    found = await ask(connection, [begin, *statements])
    assert [len(copied.rows(LAYOUT, "t")) for copied in found] == [2, 0]
    numbers = "SELECT i::bigint, -i::bigint, timestamp '1970-01-01' FROM generate_series(1, 2) i"
    (found_numbers,) = await ask(connection, [copy_of(numbers)])
    assert found_numbers.times(2).tolist() == [[1, -1, 0], [2, -2, 0]]


async def test_an_error_is_the_one_that_the_driver_raises(connection: Connection) -> None:
    with pytest.raises(asyncpg.UndefinedTableError, match="nothing"):
        await ask(connection, [copy_of(ROWS.format(2)), copy_of("SELECT * FROM nothing")])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await ask(connection, [copy_of("SELECT 1 / (5 - i) FROM generate_series(1, 9) i")])
    assert await read(connection, 3) == [1, 2, 3]
    assert not connection.is_in_transaction()


async def test_the_transaction_stays_the_one_of_the_driver(connection: Connection) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("CREATE TABLE mine (a int)")
    assert await read(connection, 2) == [1, 2]
    assert connection.is_in_transaction()
    with pytest.raises(asyncpg.UndefinedTableError):
        await ask(connection, [copy_of("SELECT * FROM nothing")])
    await transaction.rollback()
    assert await connection.fetchval("SELECT to_regclass('mine') IS NULL")


async def test_what_the_server_says_in_between_goes_to_the_driver(connection: Connection) -> None:
    told: list[str] = []
    connection.add_log_listener(lambda _, message: told.append(str(message)))
    loud = "DO $$ BEGIN RAISE WARNING 'look'; END $$"
    assert len(await ask(connection, [loud, copy_of(ROWS.format(1))])) == 1
    await asyncio.sleep(0)
    assert [text.rpartition(" ")[2] for text in told] == ["look"]
    assert await connection.fetchval("SELECT 1") == 1


async def test_a_connection_that_ends_is_told_by_its_reason(
    connection: Connection, postgres_address: str
) -> None:
    pid = connection.get_server_pid()
    other = await asyncpg.connect(postgres_address)
    sleeping = asyncio.ensure_future(ask(connection, [copy_of("SELECT pg_sleep(60)")]))
    await asyncio.sleep(0.1)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()
    with pytest.raises(asyncpg.AdminShutdownError):
        await sleeping
    assert connection.is_closed()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await read(connection, 1)


async def test_who_is_cancelled_leaves_the_connection_as_it_was(connection: Connection) -> None:
    slow = asyncio.ensure_future(ask(connection, [copy_of("SELECT pg_sleep(0.2)")]))
    await asyncio.sleep(0.05)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await read(connection, 2) == [1, 2]


@pytest.mark.parametrize("by_time", [False, True])
async def test_a_statement_without_an_end_costs_the_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, by_time: bool
) -> None:
    monkeypatch.setattr(borrowing, "PATIENCE_S", 0.05)
    if by_time:
        monkeypatch.setattr(borrowing, "ANSWER_TIMEOUT_S", 0.05)
    endless = asyncio.ensure_future(ask(connection, [copy_of("SELECT pg_sleep(60)")]))
    await asyncio.sleep(0.02)
    if not by_time:
        endless.cancel()
    with pytest.raises(TimeoutError if by_time else asyncio.CancelledError):
        await endless
    assert connection.is_closed()


async def test_rows_are_in_memory_of_their_own(connection: Connection) -> None:
    (found,) = await ask(connection, [copy_of(ROWS.format(2))])
    rows = found.rows(LAYOUT, "t")
    assert rows.base is None
    rows["data"] = 0
    assert found.rows(LAYOUT, "t")["data"].tolist() == [[1], [2]]
    assert rows.dtype == make_rows(LAYOUT, []).dtype


async def test_rows_are_seen_where_they_lie(connection: Connection) -> None:
    (found,) = await ask(connection, [copy_of(ROWS.format(1000))])
    assert found._in_place(record_of(LAYOUT.dtype)) is not None
