from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.levels import level_writing
from joule.storage.postgres.tables import level_table, seams
from joule.testing.engine_contract.checks import check_stream, make_rows
from tests.unit.storage.postgres.level_kit import levels_by_hand, stored_groups

if TYPE_CHECKING:
    import pytest
    from asyncpg import Connection

    from joule.models.layout import Rows

STREAM = StreamRef(3, Layout("float64", 2))
LEVELS = (4, 16, 64, 256, 1024)


def rows_at(start: int, end: int, step: int = 1) -> Rows:
    return make_rows(STREAM.layout, np.arange(start, end, step) * 10)


async def append(engine: PostgresEngine, rows: Rows, *, starts_interval: bool = False) -> None:
    engine.samples.append(STREAM, rows.copy(), starts_interval=starts_interval)
    await engine.samples.commit()


async def insert(engine: PostgresEngine, rows: Rows) -> None:
    await engine.samples.insert(STREAM, rows, starts_interval=False, ends_interval=False)


async def seam_times(connection: Connection) -> list[int]:
    cuts = await seams.cuts(connection, STREAM.id, ALL_TIME, 1000)
    return [cut.time for cut in cuts if not cut.is_break]


async def test_the_tables_are_those_of_joule_1_0(
    engine: PostgresEngine, connection: Connection
) -> None:
    await append(engine, rows_at(0, 1005))
    assert await level_table.stored(connection, STREAM) == [1, 4, 16, 64, 256, 1024]
    columns = await connection.fetch(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_name = 'stream3_4' ORDER BY ordinal_position"
    )
    names = ["elem0", "elem1", "elem0_min", "elem1_min", "elem0_max", "elem1_max"]
    assert [tuple(column) for column in columns] == [
        ("time", "timestamp without time zone", "NO"),
        *((name, "real", "NO") for name in names),
    ]
    assert await connection.fetchval("SELECT to_regclass('data.stream3_4_pkey') IS NOT NULL")


async def test_groups_are_the_same_however_the_rows_came(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows = rows_at(0, 500)
    for piece in np.split(rows[:300], [1, 2, 3, 5, 8, 77, 78, 299]):
        await append(engine, piece)
    await append(engine, rows[300:], starts_interval=True)
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows[:300], rows[300:]])


async def test_unfinished_groups_are_continued_after_a_restart(
    postgres_address: str, connection: Connection
) -> None:
    rows = rows_at(0, 400)
    for piece in np.split(rows, [3, 70, 71, 90, 263]):
        async with PostgresEngine(Address.parse(postgres_address)) as engine:
            await append(engine, piece)
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows])


async def test_rows_cut_off_behind_the_last_group_are_in_no_later_one(
    engine: PostgresEngine, connection: Connection
) -> None:
    await append(engine, rows_at(0, 102))
    await engine.samples.delete(STREAM, Interval(970, 2000))
    await append(engine, rows_at(200, 300))
    rows = np.concatenate([rows_at(0, 97), rows_at(200, 300)])
    await check_stream(engine.samples, STREAM, [rows], levels=LEVELS)
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows])
    assert await seam_times(connection) == []


async def test_a_late_row_among_the_last_ones_moves_the_groups_behind_it(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows = rows_at(0, 600)
    await append(engine, np.delete(rows, 333))
    await insert(engine, rows[333:334])
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows])
    assert await seam_times(connection) == []


async def test_a_late_row_with_very_many_behind_it_leaves_a_seam(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_writing, "REMADE_ROWS_MAX", 50)
    rows = rows_at(0, 1000)
    await append(engine, np.delete(rows, 333))
    before = await stored_groups(connection, STREAM)
    await insert(engine, rows[333:334])
    assert await seam_times(connection) == [3340]
    after = await stored_groups(connection, STREAM)
    assert len(after[4]) >= len(before[4]) - 1
    assert len(after[256]) == len(before[256]) - 1
    await check_stream(engine.samples, STREAM, [rows], levels=LEVELS)


async def test_late_rows_one_by_one_need_no_more_than_one_seam(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_writing, "REMADE_ROWS_MAX", 50)
    await append(engine, np.concatenate([rows_at(0, 100), rows_at(130, 600)]))
    for position in range(100, 130):
        await insert(engine, rows_at(position, position + 1))
    assert await seam_times(connection) == [1300]
    await check_stream(engine.samples, STREAM, [rows_at(0, 600)], levels=LEVELS)


async def test_a_join_of_long_intervals_leaves_a_seam_and_touches_no_group(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_writing, "REMADE_ROWS_MAX", 50)
    await append(engine, rows_at(0, 333))
    await append(engine, rows_at(333, 1000), starts_interval=True)
    before = await stored_groups(connection, STREAM)
    assert await engine.samples.consolidate(STREAM, ALL_TIME, 100) == 1
    assert len((await stored_groups(connection, STREAM))[64]) == len(before[64])
    assert len(await seam_times(connection)) == 1
    await check_stream(engine.samples, STREAM, [rows_at(0, 1000)], levels=LEVELS)


async def test_joins_of_short_intervals_leave_no_seam(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_writing, "REMADE_ROWS_MAX", 50)
    for start in range(0, 400, 33):
        await append(engine, rows_at(start, start + 33), starts_interval=True)
    assert await engine.samples.consolidate(STREAM, ALL_TIME, 100) == 12
    assert await seam_times(connection) == []
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows_at(0, 429)])


async def test_groups_made_anew_have_no_seams(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_writing, "REMADE_ROWS_MAX", 5)
    await append(engine, rows_at(0, 500, 2))
    await insert(engine, rows_at(101, 103, 2))
    assert await seam_times(connection) != []
    await engine.samples.decimate(STREAM)
    assert await seam_times(connection) == []
    rows = np.concatenate([rows_at(0, 102, 2), rows_at(101, 102), rows_at(102, 500, 2)])
    assert await stored_groups(connection, STREAM) == levels_by_hand([rows])


async def test_a_deletion_takes_the_groups_of_its_rows_and_no_others(
    engine: PostgresEngine, connection: Connection
) -> None:
    await append(engine, rows_at(0, 1024))
    before = await stored_groups(connection, STREAM)
    await engine.samples.delete(STREAM, Interval(3300, 3310))
    after = await stored_groups(connection, STREAM)
    for level in (4, 16, 64, 256, 1024):
        gone = 330 // level
        assert after[level] == before[level][:gone] + before[level][gone + 1 :]


async def test_a_stream_that_is_not_decimated_has_no_levels(
    engine: PostgresEngine, connection: Connection
) -> None:
    plain = StreamRef(4, Layout("float32", 1), decimate=False)
    wide = StreamRef(5, Layout("int16", 600))
    for stream in (plain, wide):
        engine.samples.append(stream, make_rows(stream.layout, range(100)))
    await engine.samples.commit()
    for stream in (plain, wide):
        assert await level_table.stored(connection, stream) == [1]


async def test_rows_around_a_seam_take_its_place(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(level_writing, "REMADE_ROWS_MAX", 50)
    rows = rows_at(0, 1000)
    await append(engine, np.delete(rows, 333))
    await insert(engine, rows[333:334])
    assert await seam_times(connection) == [3340]
    late = make_rows(STREAM.layout, [3335, 3345])
    await insert(engine, late)
    assert await seam_times(connection) == [3350]
    together = np.sort(np.concatenate([rows, late]), order="timestamp")
    groups = await stored_groups(connection, STREAM)
    expected = levels_by_hand(np.split(together, [337]))
    assert groups[4][:84] == expected[4][:84]
    await check_stream(engine.samples, STREAM, [together], levels=LEVELS)


async def test_rows_stored_while_a_stream_was_not_decimated_leave_a_seam(
    engine: PostgresEngine, connection: Connection
) -> None:
    rows = rows_at(0, 400)
    await append(engine, rows[:150])
    engine.samples.append(replace(STREAM, decimate=False), rows[150:200].copy())
    await engine.samples.commit()
    await append(engine, rows[200:])
    assert await seam_times(connection) == [2000]
    await check_stream(engine.samples, STREAM, [rows], levels=LEVELS)
