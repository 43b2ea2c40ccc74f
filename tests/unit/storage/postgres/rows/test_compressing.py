from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.rows import compressing
from joule.testing.engine_contract.checks import check_stream, make_rows
from tests.unit.storage.postgres.compressed_kit import check_copies, copies, starts

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("int16", 1))
OTHER = StreamRef(2, Layout("int16", 1))

pytestmark = pytest.mark.usefixtures("small_copies")


class Clock:
    """A clock that moves on with each look at it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.step_s = 0.0

    def monotonic(self) -> float:
        self.now_s += self.step_s
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(compressing, "time", clock)
    return clock


async def fill(engine: PostgresEngine, times: range, stream: StreamRef = STREAM) -> None:
    engine.samples.append(stream, make_rows(stream.layout, times))
    await engine.samples.commit()


async def test_all_copies_but_those_before_others_are_full(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 45))
    await engine.samples.compress()
    assert await copies(connection, STREAM) == [(s, s + 10, 10) for s in range(0, 40, 10)]
    await fill(engine, range(45, 52))
    await engine.samples.compress()
    assert (await copies(connection, STREAM))[4:] == [(40, 50, 10)]
    assert await check_copies(connection, STREAM) == 5


@pytest.mark.parametrize("rows", [9, 10, 39, 40, 41, 80])
async def test_steps_may_end_where_the_rows_end(
    engine: PostgresEngine, connection: Connection, rows: int
) -> None:
    await fill(engine, range(rows))
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == rows // 10


async def test_a_copy_begins_where_the_one_before_ends(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 3000, 100))
    await engine.samples.compress()
    assert await copies(connection, STREAM) == [
        (0, 901, 10),
        (901, 1901, 10),
        (1901, 2901, 10),
    ]


async def test_rows_too_few_for_a_copy_are_left_alone(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(9))
    await engine.samples.compress()
    assert await copies(connection, STREAM) == []
    assert await connection.fetchval("SELECT count(*) FROM joule.compressing") == 0


async def test_wide_rows_have_copies_of_one(engine: PostgresEngine, connection: Connection) -> None:
    wide = StreamRef(1, Layout("float64", 20))
    await fill(engine, range(6), wide)
    await engine.samples.compress()
    assert await check_copies(connection, wide) == 6


async def test_a_hole_that_late_rows_leave_is_filled_by_small_copies(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 450, 10))
    await engine.samples.compress()
    late = make_rows(STREAM.layout, [121, 133, 178])
    await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
    assert [kept.rows for kept in await copies(connection, STREAM)] == [10, 10, 10]
    await engine.samples.compress()
    assert [kept.rows for kept in await copies(connection, STREAM)] == [10, 10, 3, 10, 10]
    assert await check_copies(connection, STREAM) == 5


async def test_a_hole_may_take_several_steps(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 4500, 100))
    await engine.samples.compress()
    late = make_rows(STREAM.layout, range(1210, 1300))
    await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
    await engine.samples.compress()
    assert [kept.rows for kept in await copies(connection, STREAM)] == [10] * 13
    assert await check_copies(connection, STREAM) == 13


async def test_a_copy_extends_over_a_hole_without_rows(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 450, 10))
    await engine.samples.compress()
    before, doomed, behind, _ = await copies(connection, STREAM)
    assert await engine.samples.delete(STREAM, Interval(doomed.start, doomed.end)) == 10
    assert starts(await copies(connection, STREAM)) == [0, behind.start, 291]
    await fill(engine, range(450, 500, 10))
    await engine.samples.compress()
    assert starts(await copies(connection, STREAM)) == [0, before.end, 291, 391]
    assert await check_copies(connection, STREAM) == 4


async def test_what_retention_leaves_of_a_copy_gets_a_small_one(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 450, 10))
    await engine.samples.compress()
    assert await engine.samples.retain(STREAM, 135) == 14
    assert starts(await copies(connection, STREAM)) == [191, 291]
    await engine.samples.compress()
    assert [(kept.start, kept.rows) for kept in await copies(connection, STREAM)] == [
        (140, 6),
        (191, 10),
        (291, 10),
    ]
    assert await check_copies(connection, STREAM) == 3


async def test_a_first_copy_extends_to_rows_before_it(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(1000, 1200, 10))
    await engine.samples.compress()
    late = make_rows(STREAM.layout, range(0, 250, 10))
    await engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=True)
    await engine.samples.compress()
    assert [kept.rows for kept in await copies(connection, STREAM)] == [10, 10, 5, 10, 10]
    assert starts(await copies(connection, STREAM)) == [0, 91, 191, 241, 1091]
    assert await check_copies(connection, STREAM) == 5


async def test_changes_of_no_row_leave_copies_alone(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows = make_rows(STREAM.layout, range(0, 400, 10))
    for start in range(0, 40, 8):
        part = rows[start : start + 8].copy()
        engine.samples.append(STREAM, part, starts_interval=True)
    await engine.samples.commit()
    await engine.samples.compress()
    found = await copies(connection, STREAM)
    assert await engine.samples.consolidate(STREAM, ALL_TIME, 100) == 4
    await engine.samples.drop_decimations(STREAM)
    await engine.samples.decimate(STREAM)
    assert await engine.samples.delete(STREAM, Interval(101, 110)) == 0
    assert await copies(connection, STREAM) == found
    assert await check_copies(connection, STREAM) == 4
    await check_stream(engine.samples, STREAM, [rows])


async def test_no_copy_outlives_its_stream(engine: PostgresEngine, connection: Connection) -> None:
    await fill(engine, range(50))
    await fill(engine, range(50), OTHER)
    await engine.samples.compress()
    await engine.samples.drop([1])
    assert await copies(connection, STREAM) == []
    assert await connection.fetch("SELECT stream_id FROM joule.compressing") == [(2,)]
    await fill(engine, range(500, 520))  # the same number, used again
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 2
    assert await check_copies(connection, OTHER) == 5


async def test_streams_take_turns(engine: PostgresEngine, connection: Connection) -> None:
    await fill(engine, range(120))
    await fill(engine, range(80), OTHER)
    await engine.samples.compress()
    steps = await connection.fetch(
        "SELECT stream_id, count(*) FROM joule.compressed"
        " GROUP BY stream_id, xmin::text::bigint ORDER BY xmin::text::bigint"
    )
    assert [number for _, number in steps] == [compressing.COPIES_PER_STEP] * 5
    assert sorted([steps[0][0], steps[1][0]]) == [1, 2]
    assert sorted([steps[2][0], steps[3][0]]) == [1, 2]


async def test_after_a_while_others_get_their_turn(
    engine: PostgresEngine, connection: Connection, clock: Clock
) -> None:
    await fill(engine, range(400))
    clock.step_s = 0.3
    made: list[int] = []
    while len(made) < 20 and (not made or made[-1] < 40):
        await engine.maintain()
        made.append(len(await copies(connection, STREAM)))
    assert made[0] <= 12
    assert made == sorted(set(made))  # it goes on where it was
    assert made[-1] == 40


async def test_when_nothing_was_left_it_looks_for_more_after_a_while(
    engine: PostgresEngine, connection: Connection, clock: Clock
) -> None:
    await fill(engine, range(20))
    await engine.maintain()
    assert await check_copies(connection, STREAM) == 2
    await fill(engine, range(20, 40))
    clock.now_s += compressing.PAUSE_S - 1
    await engine.maintain()
    assert await check_copies(connection, STREAM) == 2
    clock.now_s += 1
    await engine.maintain()
    assert await check_copies(connection, STREAM) == 4


async def test_streams_nobody_has_asked_for_get_copies_too(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(50))
    await fill(engine, range(50), OTHER)
    await connection.execute(
        "INSERT INTO metadata.stream (id, name, datatype, decimate, updated_at)"
        " VALUES (1, 'a', 'INT16', true, now());"
        'INSERT INTO metadata.element (index, name, "offset", scale_factor, stream_id)'
        " VALUES (0, 'x', 0, 1, 1)"
    )
    await engine.__aexit__(None, None, None)
    await engine.__aenter__()
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 5
    assert await check_copies(connection, OTHER) == 0  # nobody knows its layout


async def test_rows_that_nobody_has_counted_get_copies_when_they_are(
    engine: PostgresEngine, connection: Connection
) -> None:
    """A database of Joule 1.0 has no totals."""
    await fill(engine, range(50))
    await engine.__aexit__(None, None, None)
    await connection.execute("DELETE FROM joule.total")
    await engine.__aenter__()
    await engine.samples.compress()
    assert await copies(connection, STREAM) == []
    assert (await engine.samples.info(STREAM)).rows == 50
    await engine.samples.compress()
    assert await check_copies(connection, STREAM) == 5


async def test_with_timescaledb_there_are_none(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(50))
    engine._server.has_timescale = True
    await engine.samples.compress()
    await engine.maintain()
    assert await connection.fetchval("SELECT count(*) FROM joule.compressing") == 0
