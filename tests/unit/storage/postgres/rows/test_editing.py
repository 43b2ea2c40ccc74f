from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.errors import DuplicateTimestampError
from joule.models.intervals import ALL_TIME, MAX_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.rows import editing
from joule.testing.engine_contract.checks import check_stream, make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("int16", 1))


async def boundaries(connection: Connection) -> list[int]:
    found = await connection.fetch("SELECT time FROM data.stream1_intervals ORDER BY time")
    return [time for (time,) in found]


async def fill(engine: PostgresEngine, *runs: range) -> None:
    for times in runs:
        rows = make_rows(STREAM.layout, times)
        engine.samples.append(STREAM, rows, starts_interval=True)
    await engine.samples.commit()


async def test_many_rows_are_removed_in_steps_and_leave_one_boundary(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "ROWS_PER_STEP", 10)
    await fill(engine, range(0, 50), range(60, 100), range(200, 300))
    assert await engine.samples.delete(STREAM, Interval(25, 250)) == 115
    assert await boundaries(connection) == [25]
    runs = [make_rows(STREAM.layout, times) for times in (range(25), range(250, 300))]
    await check_stream(engine.samples, STREAM, runs)


async def test_no_boundary_is_left_without_rows_on_both_sides(
    engine: PostgresEngine, connection: Connection
) -> None:
    await fill(engine, range(0, 50), range(60, 100))
    await engine.samples.delete(STREAM, Interval(55, MAX_TIME))
    assert await boundaries(connection) == []
    await fill(engine, range(60, 100))
    assert await boundaries(connection) == [50]
    await engine.samples.delete(STREAM, Interval(0, 60))
    assert await boundaries(connection) == []


async def test_several_boundaries_in_one_gap_are_one_break(
    engine: PostgresEngine, connection: Connection
) -> None:
    """Joule 1.0 leaves such: one at the end of a session, one where somebody deleted."""
    await fill(engine, range(0, 10), range(20, 30), range(50, 60))
    await connection.execute(
        "INSERT INTO data.stream1_intervals SELECT unnest($1::timestamp[])", [12, 15, 15]
    )
    assert len(await engine.samples.intervals(STREAM, ALL_TIME)) == 3
    assert await engine.samples.consolidate(STREAM, ALL_TIME, 10) == 1
    assert await boundaries(connection) == [30]
    rows = make_rows(STREAM.layout, [*range(10), *range(20, 30)])
    last = make_rows(STREAM.layout, range(50, 60))
    await check_stream(engine.samples, STREAM, [rows, last])


async def test_many_breaks_are_removed_in_steps(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "BREAKS_PER_STEP", 3)
    runs = [range(100 * i, 100 * i + (10 if i % 4 else 40)) for i in range(20)]
    await fill(engine, *runs)
    assert await engine.samples.consolidate(STREAM, Interval(0, 1_930), 60) == 5
    assert await engine.samples.consolidate(STREAM, Interval(0, 1_930), 90) == 14
    assert await boundaries(connection) == []
    rows = make_rows(STREAM.layout, [time for run in runs for time in run])
    await check_stream(engine.samples, STREAM, [rows])


async def test_the_first_of_many_duplicates_is_named(engine: PostgresEngine) -> None:
    await fill(engine, range(0, 100, 10))
    engine.samples.append(STREAM, make_rows(STREAM.layout, [205, 300]))
    for times, first in (
        ([-5, 7, 50, 90], 50),
        ([101, 205, 250, 300], 205),
        ([90, 205], 90),
        ([299, 300], 300),
    ):
        with pytest.raises(DuplicateTimestampError, match=rf"timestamp {first} already"):
            await engine.samples.insert(
                STREAM, make_rows(STREAM.layout, times), starts_interval=True, ends_interval=True
            )
    rows = make_rows(STREAM.layout, [*range(0, 100, 10), 205, 300])
    await check_stream(engine.samples, STREAM, [rows])


async def test_duplicates_of_rows_that_are_all_pending_are_named(engine: PostgresEngine) -> None:
    engine.samples.append(STREAM, make_rows(STREAM.layout, [10, 20, 30]))
    with pytest.raises(DuplicateTimestampError, match="timestamp 20 already"):
        await engine.samples.insert(
            STREAM,
            make_rows(STREAM.layout, [15, 20, 30]),
            starts_interval=False,
            ends_interval=False,
        )
    await check_stream(engine.samples, STREAM, [make_rows(STREAM.layout, [10, 20, 30])])
