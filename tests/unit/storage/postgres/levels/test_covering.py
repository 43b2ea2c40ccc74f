from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.levels import covering
from joule.storage.postgres.levels.matching import Match, match_of
from joule.storage.postgres.tables import level_table
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(3, Layout("int16", 1))


async def fill(engine: PostgresEngine, count: int) -> None:
    engine.samples.append(STREAM, make_rows(STREAM.layout, np.arange(count) * 10))
    await engine.samples.commit()


@pytest.mark.parametrize(
    ("children", "expected"),
    [
        ([0, 10, 20, 30], Match(15, 0, 30, False, False)),
        ([-10, 0, 10, 20, 30, 40], Match(15, 0, 30, True, True)),
        ([10, 20, 30, 40], None),
        ([0, 10, 20], None),
    ],
)
def test_a_group_is_found_among_the_children_around_it(
    children: list[int], expected: Match | None
) -> None:
    assert match_of(15, children) == expected


def test_times_before_1970_round_down() -> None:
    assert match_of(-2, [-4, -3, -1, 1]) == Match(-2, -4, 1, False, False)


async def test_a_range_is_covered_by_few_parts_of_rising_and_falling_levels(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, 5000)
    levels = await level_table.stored(connection, STREAM)
    bounds = Interval(70, 49870)
    found = await covering.cover(connection, STREAM, levels, [bounds])
    counts = {
        level: await level_table.count(connection, STREAM, level, ranges)
        for level, ranges in found.items()
    }
    assert sum(level * count for level, count in counts.items()) == 4980
    assert max(counts.values()) <= 6
    assert list(found) == sorted(found)
    assert await covering.count_rows(connection, STREAM, bounds) == 4980


async def test_levels_may_be_left_out_at_the_top(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, 1000)
    found = await covering.cover(connection, STREAM, [1, 4, 16], [ALL_TIME])
    assert await level_table.count(connection, STREAM, 16, found[16]) == 62
    assert await level_table.count(connection, STREAM, 4, found[4]) == 2
    assert 1 not in found


@pytest.mark.parametrize("cuts_max", [2, 3, 512])
async def test_rows_are_counted_across_many_breaks(
    engine: PostgresEngine,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    cuts_max: int,
) -> None:
    monkeypatch.setattr(covering, "CUTS_MAX", cuts_max)
    rows = make_rows(STREAM.layout, np.arange(300) * 10)
    for piece in np.split(rows, [5, 6, 70, 150, 151, 152, 290]):
        engine.samples.append(STREAM, piece.copy(), starts_interval=True)
    await engine.samples.commit()
    for start, end in [(0, 300), (5, 6), (4, 7), (6, 151), (60, 300), (151, 152), (20, 60)]:
        bounds = Interval(start * 10, end * 10)
        assert await covering.count_rows(connection, STREAM, bounds) == end - start


async def test_the_first_row_of_a_group_is_found_through_the_levels(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, 1000)
    times = await connection.fetch("SELECT time FROM data.stream3_64 ORDER BY time")
    found = [await covering.first_row(connection, STREAM, 64, time) for (time,) in times]
    assert found == list(range(0, 15 * 640, 640))


async def test_a_stream_without_tables_has_no_rows(
    engine: PostgresEngine, connection: Connection
) -> None:
    assert await covering.count_rows(connection, STREAM, ALL_TIME) == 0
