from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.base import DATATYPES
from joule.models.layout import Layout
from joule.storage.postgres.tables.row_text import insertion
from joule.storage.postgres.tables.sample_tables import COLUMN_TYPES
from joule.testing.engine_contract.checks import make_rows
from joule.testing.engine_contract.writing import extreme_rows
from tests.unit.storage.postgres.copy_kit import copied_out

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows

COUNT = 2000


async def stored(connection: Connection, layout: Layout, rows: Rows) -> Rows:
    """What a table holds after rows went in as text."""
    columns = "".join(f", elem{i} {COLUMN_TYPES[layout.datatype]}" for i in range(layout.width))
    await connection.execute(f"CREATE TABLE t (time timestamp{columns})")
    await connection.execute(insertion("t", rows))
    return await copied_out(connection, "SELECT * FROM t ORDER BY time", layout, "t")


@pytest.mark.parametrize("datatype", DATATYPES)
async def test_extremes_come_back_bit_by_bit(connection: Connection, datatype: str) -> None:
    layout = Layout(datatype, 3)
    rows = extreme_rows(layout)
    assert (await stored(connection, layout, rows)).tobytes() == rows.tobytes()


@pytest.mark.parametrize("datatype", DATATYPES)
async def test_any_values_come_back_bit_by_bit(connection: Connection, datatype: str) -> None:
    layout = Layout(datatype, 2)
    rows = make_rows(layout, range(COUNT))
    size = rows["data"].dtype.itemsize
    bits = np.random.default_rng(7).bytes(2 * COUNT * size)
    rows["data"] = np.frombuffer(bits, rows["data"].dtype).reshape(COUNT, 2)
    rows["data"][np.isnan(rows["data"])] = 0
    if datatype.startswith("float"):
        rows["data"][:2, 0] = (np.inf, -np.inf)
    assert (await stored(connection, layout, rows)).tobytes() == rows.tobytes()
