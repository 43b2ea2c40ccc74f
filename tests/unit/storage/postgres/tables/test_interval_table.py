from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.tables import interval_table, table_making
from joule.storage.postgres.tables.copying import copy_in
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

ROWS = [0, 10, 20, 30, 40]


@pytest.fixture
async def tables(engine: PostgresEngine, connection: Connection) -> Connection:
    """Rows at ``ROWS`` and boundaries that matter (11, 30), that double (12) and that do not."""
    stream = StreamRef(1, Layout("int16", 1))
    await table_making.make(connection, stream)
    await copy_in(connection, "stream1", make_rows(stream.layout, ROWS))
    await interval_table.add(connection, 1, [-5, 30, 12, 11, 11, 41, 99])
    return connection


async def times(connection: Connection) -> list[int]:
    return await interval_table.times_between(connection, 1, MIN_TIME, MAX_TIME)


async def test_runs_lie_between_the_boundaries_that_matter(tables: Connection) -> None:
    runs = await interval_table.runs(tables, 1, ALL_TIME)
    assert runs == [(0, 11), (20, 21), (30, 41)]


@pytest.mark.parametrize(
    ("interval", "runs"),
    [
        ((5, 35), [(10, 11), (20, 21), (30, 31)]),
        ((10, 20), [(10, 11)]),
        ((11, 20), []),
        ((11, 21), [(20, 21)]),
        ((30, 31), [(30, 31)]),
        ((41, 99), []),
    ],
)
async def test_runs_of_a_range(
    tables: Connection, interval: tuple[int, int], runs: list[tuple[int, int]]
) -> None:
    assert await interval_table.runs(tables, 1, Interval(*interval)) == runs


async def test_boundaries_are_told_with_the_rows_around_them(tables: Connection) -> None:
    found = await interval_table.with_neighbours(tables, 1, MIN_TIME, MAX_TIME)
    assert found == [
        (-5, None, 0),
        (11, 10, 20),
        (12, 10, 20),
        (30, 20, 30),
        (41, 40, None),
        (99, 40, None),
    ]
    assert await interval_table.with_neighbours(tables, 1, 12, 30) == [(30, 20, 30)]


async def test_boundaries_of_a_range_end_with_it(tables: Connection) -> None:
    assert await interval_table.times_between(tables, 1, 11, 41) == [12, 30, 41]
    assert await interval_table.times_between(tables, 1, 11, 41, limit=2) == [12, 30]


async def test_boundaries_are_removed_by_time_or_by_range(tables: Connection) -> None:
    await interval_table.remove(tables, 1, [11, 5])
    assert await times(tables) == [-5, 12, 30, 41, 99]
    await interval_table.clear(tables, 1, 40, None)
    assert await times(tables) == [-5, 12, 30]
    await interval_table.clear(tables, 1, None, -5)
    assert await times(tables) == [12, 30]
    await interval_table.clear(tables, 1, 12, 30)
    assert await times(tables) == [12]
    await interval_table.clear(tables, 1, None, None)
    assert await times(tables) == []


def test_a_break_is_before_the_first_row_at_or_after_the_boundary() -> None:
    rows = make_rows(Layout("int16", 1), ROWS)
    assert interval_table.breaks_of(rows, [11, 12, 30]).tolist() == [2, 3]
    assert interval_table.breaks_of(rows, []).tolist() == []
    assert interval_table.breaks_of(rows, np.array([40])).tolist() == [4]
