from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import numpy as np
import pytest

from joule.models.base import DATATYPES
from joule.models.layout import Layout
from joule.storage.postgres.connection import borrowing
from joule.storage.postgres.connection.telling import TableRows, tell
from joule.storage.postgres.tables.sample_tables import COLUMN_TYPES
from joule.testing.engine_contract.checks import make_rows
from joule.testing.engine_contract.writing import extreme_rows
from tests.unit.storage.postgres.copy_kit import copied_out

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows

LAYOUT = Layout("float32", 2)
LARGE = 400_000
"""Rows that fill what lies between us and the server many times."""


async def make(connection: Connection, table: str, layout: Layout = LAYOUT) -> None:
    kind = COLUMN_TYPES[layout.datatype]
    columns = "".join(f", elem{i} {kind} NOT NULL" for i in range(layout.width))
    await connection.execute(f"CREATE TABLE {table} (time timestamp PRIMARY KEY{columns})")


async def stored(connection: Connection, table: str, layout: Layout = LAYOUT) -> Rows:
    return await copied_out(connection, f"SELECT * FROM {table} ORDER BY time", layout, table)


async def count(connection: Connection, table: str) -> int:
    found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return found


@pytest.fixture
async def tables(connection: Connection) -> Connection:
    """A connection to a database with the tables ``a`` and ``b``."""
    await make(connection, "a")
    await make(connection, "b")
    return connection


@pytest.mark.parametrize("datatype", DATATYPES)
async def test_any_values_arrive_bit_by_bit(connection: Connection, datatype: str) -> None:
    layout = Layout(datatype, 3)
    await make(connection, "extremes", layout)
    await make(connection, "noise", layout)
    noise = make_rows(layout, range(2000))
    bits = np.random.default_rng(7).bytes(noise["data"].nbytes)
    noise["data"] = np.frombuffer(bits, noise["data"].dtype).reshape(noise["data"].shape)
    extremes = extreme_rows(layout)
    await tell(connection, [TableRows("extremes", extremes), TableRows("noise", noise)])
    assert (await stored(connection, "extremes", layout)).tobytes() == extremes.tobytes()
    assert (await stored(connection, "noise", layout)).tobytes() == noise.tobytes()


async def test_many_rows_are_sent_as_the_server_takes_them(
    tables: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[int] = []
    transport = tables._transport
    pause = borrowing._Taker.pause_writing

    def pause_writing(taker: borrowing._Taker) -> None:
        waiting.append(transport.get_write_buffer_size())
        pause(taker)

    monkeypatch.setattr(borrowing._Taker, "pause_writing", pause_writing)
    rows = make_rows(LAYOUT, range(LARGE))
    await tell(tables, [TableRows("a", rows), TableRows("b", rows[:7])])
    assert (await stored(tables, "a")).tobytes() == rows.tobytes()
    assert await count(tables, "b") == 7
    assert waiting
    assert max(waiting) < rows.nbytes / 4


async def test_what_follows_an_error_is_not_sent_or_not_taken(tables: Connection) -> None:
    few, many = make_rows(LAYOUT, range(3)), make_rows(LAYOUT, range(LARGE))
    await tell(tables, [TableRows("a", few)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await tell(tables, [TableRows("b", few), TableRows("a", few), TableRows("b", many)])
    assert await count(tables, "b") == 0
    with pytest.raises(asyncpg.UndefinedTableError, match="nothing"):
        await tell(tables, [TableRows("nothing", many), TableRows("b", many)])
    await tell(tables, [TableRows("b", few)])
    assert (await stored(tables, "b")).tobytes() == few.tobytes()


async def test_the_transaction_stays_the_one_of_the_driver(tables: Connection) -> None:
    few = make_rows(LAYOUT, range(3))
    transaction = tables.transaction()
    await transaction.start()
    await tell(tables, [TableRows("a", few)])
    assert tables.is_in_transaction()
    with pytest.raises(asyncpg.UniqueViolationError):
        await tell(tables, [TableRows("a", few)])
    await transaction.rollback()
    assert await count(tables, "a") == 0


async def test_rows_that_do_not_fit_are_refused(tables: Connection) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await tell(tables, [TableRows("a", make_rows(Layout("float32", 3), [1]))])
    assert await count(tables, "a") == 0


async def test_who_is_cancelled_while_the_server_waits_costs_the_connection(
    tables: Connection, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(borrowing, "PATIENCE_S", 0.05)
    other = await asyncpg.connect(postgres_address)
    async with other.transaction():
        await other.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        held = asyncio.ensure_future(
            tell(tables, [TableRows("a", make_rows(LAYOUT, range(LARGE)))])
        )
        await asyncio.sleep(0.1)
        held.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held
        assert tables.is_closed()
    assert await count(other, "a") == 0
    await other.close()


async def test_a_server_that_takes_nothing_is_given_up(
    tables: Connection, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(borrowing, "ANSWER_TIMEOUT_S", 0.1)
    other = await asyncpg.connect(postgres_address)
    async with other.transaction():
        await other.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TimeoutError):
            await tell(tables, [TableRows("a", make_rows(LAYOUT, range(LARGE)))])
    assert tables.is_closed()
    await other.close()


async def test_a_connection_that_ends_is_told_by_its_reason(
    tables: Connection, postgres_address: str
) -> None:
    other = await asyncpg.connect(postgres_address)
    async with other.transaction():
        await other.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        held = asyncio.ensure_future(
            tell(tables, [TableRows("a", make_rows(LAYOUT, range(LARGE)))])
        )
        await asyncio.sleep(0.1)
        await other.execute("SELECT pg_terminate_backend($1)", tables.get_server_pid())
        with pytest.raises((asyncpg.AdminShutdownError, ConnectionError)):
            await held
    assert tables.is_closed()
    await other.close()
