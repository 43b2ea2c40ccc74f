from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.connection.asking import ask, copy_of
from joule.storage.postgres.levels import covering, edges
from joule.storage.postgres.tables import level_table
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine
    from joule.storage.postgres.levels.edges import Edges

STREAM = StreamRef(3, Layout("int16", 1))
RANDOM = np.random.default_rng(5)


async def fill(engine: PostgresEngine, times: Sequence[int]) -> None:
    engine.samples.append(STREAM, make_rows(STREAM.layout, times))
    await engine.samples.commit()


async def edges_of(
    connection: Connection, levels: Sequence[int], pieces: Sequence[Interval]
) -> list[Edges]:
    (found,) = await ask(connection, [copy_of(edges.query(STREAM.id, levels, pieces))])
    return edges.edges_of(found, levels, len(pieces))


async def test_one_question_tells_what_a_question_for_each_level_tells(
    engine: PostgresEngine, connection: Connection
) -> None:
    times = np.cumsum(RANDOM.integers(1, 50, 5000))
    await fill(engine, times.tolist())
    levels = await level_table.stored(connection, STREAM)
    bounds = np.sort(RANDOM.integers(0, times[-1] + 9, (40, 2)))
    pieces = [Interval(start, end) for start, end in bounds.tolist() if start < end]
    for piece, known in zip(pieces, await edges_of(connection, levels, pieces), strict=True):
        by_levels = await covering._cover_by_levels(connection, STREAM, levels, [piece])
        assert edges.cover(piece, known) == by_levels


async def test_counts_are_told_where_all_times_are_known(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 1000, 10))
    whole = Interval(0, 1000)
    (known,) = await edges_of(connection, [1, 4, 16], [whole])
    assert edges.count(known[16], whole) == 6
    assert edges.count(known[1], Interval(0, 105)) == 11
    assert edges.count(known[1], Interval(895, 1000)) == 10
    assert edges.count(known[1], Interval(0, 500)) is None
    assert edges.count(known[1], whole) is None


@pytest.mark.parametrize("count", [23, 24, 25])
async def test_two_ends_that_meet_tell_all(
    engine: PostgresEngine, connection: Connection, count: int
) -> None:
    await fill(engine, range(count))
    whole = Interval(0, count)
    (known,) = await edges_of(connection, [1], [whole])
    assert edges.count(known[1], whole) == (count if count < 2 * edges.TIMES_MAX else None)


async def test_too_many_groups_that_joule_did_not_write_leave_it_open(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 4000, 10))
    await connection.execute("DELETE FROM data.stream3_4 WHERE time < '1970-01-01 00:00:00.000400'")
    whole = Interval(0, 4000)
    (known,) = await edges_of(connection, [1, 4, 16], [whole])
    assert edges.cover(whole, known) is None
    assert edges.cover(whole, {}) is None
    assert await covering.count_rows(connection, STREAM, whole) == 400
