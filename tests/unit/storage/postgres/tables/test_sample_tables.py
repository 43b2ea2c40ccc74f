from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import DataError
from joule.models.intervals import MAX_TIME, MIN_TIME
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.tables import sample_tables, table_making
from joule.storage.postgres.tables.copying import copy_in
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum
"""


@pytest.fixture
async def tables(engine: PostgresEngine, connection: Connection) -> Connection:
    """A database with the schemas, and tables of three streams."""
    for stream_id in (1, 12, 2):
        await table_making.make(connection, StreamRef(stream_id, Layout("int32", 2)))
    await connection.execute("CREATE TABLE data.stream1_4 (time timestamp)")
    return connection


async def test_the_tables_are_those_of_joule_1(tables: Connection) -> None:
    found = await tables.fetch(COLUMNS, "data.stream12")
    assert [tuple(row) for row in found] == [
        ("time", "timestamp without time zone", True),
        ("elem0", "integer", True),
        ("elem1", "integer", True),
    ]
    found = await tables.fetch(COLUMNS, "data.stream12_intervals")
    assert [tuple(row) for row in found] == [("time", "timestamp without time zone", True)]
    keys = "SELECT conname FROM pg_constraint WHERE conrelid = 'data.stream12'::regclass"
    assert [tuple(row) for row in await tables.fetch(keys)] == [("stream12_pkey",)]


async def test_making_tables_again_leaves_them_alone(tables: Connection) -> None:
    await copy_in(tables, "stream1", make_rows(Layout("int32", 2), [5]))
    await table_making.make(tables, StreamRef(1, Layout("int32", 2)))
    assert await sample_tables.last_before(tables, 1, MAX_TIME) == 5


async def test_tables_are_found_by_stream(tables: Connection) -> None:
    assert await sample_tables.existing(tables, [1, 2, 3]) == {
        "stream1": 1,
        "stream1_4": 1,
        "stream1_intervals": 1,
        "stream2": 2,
        "stream2_intervals": 2,
    }
    assert await sample_tables.exists(tables, "stream12_intervals")
    assert not await sample_tables.exists(tables, "stream12_4")


async def test_dropping_a_stream_leaves_others(tables: Connection) -> None:
    await table_making.drop(tables, [1, 99])
    assert await sample_tables.existing(tables, [1, 12]) == {"stream12": 12} | {
        "stream12_intervals": 12
    }


async def test_rows_next_to_a_time_are_found(tables: Connection) -> None:
    await copy_in(tables, "stream1", make_rows(Layout("int32", 2), [-7, 5]))
    assert await sample_tables.last_before(tables, 1, 5) == -7
    assert await sample_tables.last_before(tables, 1, -7) is None
    assert await sample_tables.first_from(tables, 1, -6) == 5
    assert await sample_tables.first_from(tables, 1, MIN_TIME) == -7
    assert await sample_tables.first_from(tables, 1, 6) is None


@pytest.mark.parametrize("text", ["float64_1016", "int16_1599", "float32_1599"])
async def test_the_widest_rows_can_be_stored(tables: Connection, text: str) -> None:
    layout = Layout.parse(text)
    sample_tables.check_layout(layout)
    await table_making.make(tables, StreamRef(5, layout))
    await copy_in(tables, "stream5", make_rows(layout, [1]))


@pytest.mark.parametrize("text", ["float64_1017", "int16_1600", "uint8_1"])
def test_what_fits_no_table_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        sample_tables.check_layout(Layout.parse(text))
