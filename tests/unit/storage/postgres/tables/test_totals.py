from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.tables import table_making, totals
from joule.storage.postgres.tables.copying import copy_in
from joule.storage.postgres.tables.totals import Total
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

LAYOUT = Layout("int16", 1)


async def test_a_total_is_believed_where_the_rows_have_its_ends(
    engine: PostgresEngine, connection: Connection
) -> None:
    for stream_id in range(1, 251):
        await table_making.make(connection, StreamRef(stream_id, LAYOUT))
        await copy_in(connection, f"stream{stream_id}", make_rows(LAYOUT, [stream_id, 1000]))
    kept = {
        1: Total(2, 1, 1000),
        2: Total(2, 3, 1000),
        3: Total(2, 3, 999),
        250: Total(7, 250, 1000),
        300: Total(5, 1, 9),
    }
    await connection.execute(totals.saving(kept))
    found = await totals.load(connection, [250, 1, 2, 3, 4, 300, 301])
    assert found == {
        250: Total(7, 250, 1000),
        1: Total(2, 1, 1000),
        2: Total(None, 2, 1000),
        3: Total(None, 3, 1000),
        4: Total(None, 4, 1000),
        300: Total(),
        301: Total(),
    }
    assert len(await totals.load(connection, range(1, 251))) == 250


async def test_totals_are_replaced_and_forgotten(
    engine: PostgresEngine, connection: Connection
) -> None:
    await connection.execute(totals.saving({1: Total(2, 1, 5), 2: Total()}))
    await connection.execute(totals.saving({1: Total(3, 1, 6), 3: Total(1, 0, 0)}))
    rows = await connection.fetch("SELECT * FROM joule.total ORDER BY stream_id")
    assert [tuple(row) for row in rows] == [(1, 3, 1, 6), (2, 0, None, None), (3, 1, 0, 0)]
    await totals.forget(connection, [1, 2])
    assert await connection.fetchval("SELECT count(*) FROM joule.total") == 1
