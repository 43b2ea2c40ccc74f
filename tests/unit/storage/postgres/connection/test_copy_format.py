from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import StorageDamagedError
from joule.models.base import DATATYPES
from joule.models.intervals import MAX_TIME
from joule.models.layout import Layout
from joule.storage.postgres.connection.copy_format import (
    HEADER,
    TRAILER,
    decode,
    encode,
    time_literal,
)
from joule.storage.postgres.connection.times import FIRST_US
from joule.storage.postgres.tables.copying import copy_in
from joule.storage.postgres.tables.sample_tables import COLUMN_TYPES
from joule.testing.engine_contract.writing import extreme_rows
from tests.unit.storage.postgres.copy_kit import copied_out

if TYPE_CHECKING:
    from asyncpg import Connection

TIMES = [FIRST_US, FIRST_US + 1, -(2**40), -1, 0, 1, 946_684_800_000_001, 2**62, MAX_TIME - 1]


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("width", [1, 3])
async def test_the_server_and_we_mean_the_same(
    connection: Connection, datatype: str, width: int
) -> None:
    layout = Layout(datatype, width)
    rows = extreme_rows(layout)
    columns = "".join(f", elem{i} {COLUMN_TYPES[datatype]}" for i in range(width))
    await connection.execute(f"CREATE SCHEMA data; CREATE TABLE data.t (time timestamp{columns})")
    await copy_in(connection, "t", rows)
    found = await connection.fetch("SELECT * FROM data.t ORDER BY time")
    assert [row["time"] for row in found] == rows["timestamp"].tolist()
    values = np.array([list(row)[1:] for row in found]).astype(datatype)
    assert values.tobytes() == rows["data"].tobytes()
    back = await copied_out(connection, "SELECT * FROM data.t ORDER BY time", layout, "data.t")
    assert back.tobytes() == rows.tobytes()


async def test_no_rows_are_copied_as_well(connection: Connection) -> None:
    layout = Layout("int16", 2)
    await connection.execute("CREATE TABLE t (time timestamp, elem0 smallint, elem1 smallint)")
    assert len(await copied_out(connection, "SELECT * FROM t", layout, "t")) == 0


@pytest.mark.parametrize("time", TIMES)
async def test_a_time_in_sql_is_exact(connection: Connection, time: int) -> None:
    assert await connection.fetchval(f"SELECT {time_literal(time)}") == time


async def test_what_is_before_all_times_is_asked_for_as_the_first(connection: Connection) -> None:
    assert await connection.fetchval(f"SELECT {time_literal(-(2**63))}") == FIRST_US


@pytest.mark.parametrize(
    "columns",
    ["elem0 integer", "elem0 smallint, elem1 smallint, elem2 smallint", "elem0 integer, elem1 int"],
)
async def test_a_table_with_other_columns_is_refused(connection: Connection, columns: str) -> None:
    await connection.execute(f"CREATE TABLE t (time timestamp, {columns})")
    await connection.execute("INSERT INTO t SELECT '2020-01-01'")
    await connection.execute("UPDATE t SET elem0 = 1")
    with pytest.raises(StorageDamagedError, match="table t are not those of int16_2"):
        await copied_out(connection, "SELECT * FROM t", Layout("int16", 2), "t")


def test_columns_of_another_width_but_the_same_size_are_noticed() -> None:
    """Three numbers of two bytes take as many as one of four and one of eight do."""
    rows = np.zeros(2, dtype=Layout("int64", 3).dtype)
    data = HEADER + encode(rows) + TRAILER
    assert (len(data) - 21) % (2 * (2 + 12 + 6 * 6)) == 0
    with pytest.raises(StorageDamagedError):
        decode(data, Layout("int16", 6), "t")


def test_encoding_leaves_the_rows_as_they_are() -> None:
    rows = extreme_rows(Layout("float32", 2))
    rows.flags.writeable = False
    assert decode(HEADER + encode(rows) + TRAILER, Layout("float32", 2), "t").tobytes() == (
        rows.tobytes()
    )
