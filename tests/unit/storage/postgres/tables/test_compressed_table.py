from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.storage.interfaces import (
    CatalogChanges,
    DataStreamRecord,
    ElementRecord,
    FolderRecord,
)
from joule.storage.postgres.connection.copy_format import time_literal as at
from joule.storage.postgres.connection.times import FIRST_US
from joule.storage.postgres.rows.compressed_copies import encode
from joule.storage.postgres.tables import compressed_table, totals
from joule.storage.postgres.tables.compressed_table import Copy, Hole, Left
from joule.storage.postgres.tables.totals import Total
from tests.unit.storage.postgres.compressed_kit import check_copies, copies, starts
from tests.unit.storage.postgres.tables.planted_copies import ROWS, STREAM, make_watched

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine


async def plant(connection: Connection, *ranges: tuple[int, int], stream_id: int = 1) -> None:
    """Add copies that are good for nothing but their ranges."""
    found = [Copy(Interval(*each), 1, b"") for each in ranges]
    await compressed_table.add(connection, stream_id, 0, found)


async def ranges(connection: Connection) -> list[tuple[int, int]]:
    return [(kept.start, kept.end) for kept in await copies(connection, STREAM)]


# ------------------------------------------------------------------ holes


@pytest.mark.parametrize(
    ("gone", "holes"),
    [
        ([], [(991, None)]),
        ([(0, 1)], [(0, 91), (991, None)]),
        ([(91, 92)], [(91, 191), (991, None)]),
        ([(100, 300), (500, 501)], [(91, 391), (491, 591), (991, None)]),
        ([(900, 901)], [(891, None)]),
        ([(0, 901)], [(0, None)]),
        ([(0, 801)], [(0, 891), (991, None)]),
    ],
)
async def test_holes_lie_in_front_between_and_behind(
    planted: Connection, gone: list[tuple[int, int]], holes: list[tuple[int, int | None]]
) -> None:
    for each in gone:
        await compressed_table.discard(planted, 1, Interval(*each))
    assert await compressed_table.holes(planted, 1) == holes


async def test_the_first_hole_begins_with_the_first_row(planted: Connection) -> None:
    await compressed_table.discard(planted, 1, Interval(0, 91))
    await planted.execute(f"DELETE FROM data.stream1 WHERE time < {at(40)}")
    assert await compressed_table.holes(planted, 1) == [(40, 91), (991, None)]
    await planted.execute(f"INSERT INTO data.stream1 VALUES ({at(FIRST_US)}, 1)")
    assert (await compressed_table.holes(planted, 1))[0] == (FIRST_US, 91)


async def test_without_rows_there_is_no_hole(planted: Connection) -> None:
    await compressed_table.discard(planted, 1, ALL_TIME)
    await planted.execute("TRUNCATE data.stream1")
    assert await compressed_table.holes(planted, 1) == []


async def test_a_copy_begins_with_the_empty_hole_in_front_of_it(planted: Connection) -> None:
    await compressed_table.discard(planted, 1, Interval(100, 400))
    await planted.execute(f"DELETE FROM data.stream1 WHERE time > {at(91)} AND time < {at(491)}")
    await compressed_table.extend(planted, 1, 0, Hole(91, 491))
    assert (await ranges(planted))[:3] == [(0, 91), (91, 591), (591, 691)]
    assert await check_copies(planted, STREAM) == 6
    assert await compressed_table.holes(planted, 1) == [(991, None)]


async def test_a_hole_is_closed_by_the_copy_of_that_version_and_place_only(
    planted: Connection,
) -> None:
    await compressed_table.discard(planted, 1, Interval(91, 191))
    before = await ranges(planted)
    for version, hole in ((1, Hole(91, 191)), (0, Hole(91, 190)), (0, Hole(991, None))):
        await compressed_table.extend(planted, 1, version, hole)
        assert await ranges(planted) == before


async def test_a_copy_that_is_there_is_not_added_again(planted: Connection) -> None:
    await plant(planted, (80, 91))
    assert await check_copies(planted, STREAM) == 10


async def test_no_copy_is_added_to_a_stream_that_is_not_watched(planted: Connection) -> None:
    await plant(planted, (0, 91), stream_id=2)
    assert await planted.fetchval("SELECT count(*) FROM joule.compressed") == 10


# ------------------------------------------------------------------ ranges


@pytest.mark.parametrize(
    ("interval", "touched"),
    [
        ((0, 1), [0]),
        ((90, 91), [0]),
        ((90, 92), [0, 91]),
        ((91, 92), [91]),
        ((190, 191), [91]),
        ((191, 291), []),
        ((190, 292), [91, 291]),
        ((250, 260), []),
        ((291, 292), [291]),
        ((390, MAX_TIME), [291]),
        ((391, MAX_TIME), []),
        ((-5, 0), []),
        ((-5, 1), [0]),
        ((MIN_TIME, 0), []),
        ((MIN_TIME, 1), [0]),
        ((50, 300), [0, 91, 291]),
        (ALL_TIME, [0, 91, 291]),
    ],
)
async def test_copies_of_a_range_are_those_that_share_a_time_with_it(
    planted: Connection, interval: tuple[int, int], touched: list[int]
) -> None:
    await compressed_table.discard(planted, 1, ALL_TIME)
    await plant(planted, (0, 91), (91, 191), (291, 391))
    listed = await planted.fetch(compressed_table.list_query(1, Interval(*interval)))
    assert [start for start, _ in listed] == touched
    await compressed_table.discard(planted, 1, Interval(*interval))
    left = starts(await copies(planted, STREAM))
    assert sorted(left + touched) == [0, 91, 291]


@pytest.mark.parametrize(
    ("interval", "is_touched"),
    [
        ((MIN_TIME, FIRST_US), False),
        ((MIN_TIME, FIRST_US + 1), True),
        ((MAX_TIME - 1, MAX_TIME), True),
        ((0, 1), True),
    ],
)
async def test_a_copy_may_be_of_all_times_there_are(
    planted: Connection, interval: tuple[int, int], is_touched: bool
) -> None:
    await compressed_table.discard(planted, 1, ALL_TIME)
    await plant(planted, (FIRST_US, MAX_TIME))
    assert await ranges(planted) == [(FIRST_US, MAX_TIME)]
    await compressed_table.discard(planted, 1, Interval(*interval))
    assert (await ranges(planted) == []) == is_touched


async def test_copies_of_other_streams_stay(planted: Connection) -> None:
    for stream_id in (2, 3, 4):
        await make_watched(planted, stream_id)
        await plant(planted, (0, 91), stream_id=stream_id)
    await compressed_table.discard(planted, 2, ALL_TIME)
    await compressed_table.forget(planted, [1, 3, 99])
    query = "SELECT DISTINCT stream_id FROM {} ORDER BY 1"
    assert [n for (n,) in await planted.fetch(query.format("joule.compressed"))] == [4]
    assert [n for (n,) in await planted.fetch(query.format("joule.compressing"))] == [2, 4]


# ------------------------------------------------------------------ what is left


async def test_what_is_left_is_told_with_what_metadata_says(
    engine: PostgresEngine, planted: Connection, stranger: Connection
) -> None:
    elements = [
        ElementRecord(n, n, f"x{n}", None, None, "continuous", 0.0, 1.0, None, None) for n in (0, 1)
    ]
    folder = FolderRecord(1, "root", None, None, 1)
    known = DataStreamRecord(2, "a", None, "int16", -1, True, False, 1, 1, tuple(elements))
    await engine.catalog.apply(CatalogChanges(put=[folder, known]))
    for stream_id in (2, 3, 4):
        await make_watched(planted, stream_id)
        await compressed_table.add(planted, stream_id, 0, encode(ROWS[:30], 0))
    await stranger.execute("UPDATE data.stream3 SET elem0 = 7")
    await stranger.execute("DROP TRIGGER joule_compressed ON data.stream4")
    kept = {n: Total(100, 0, 990) for n in (1, 2, 3, 4)}
    await planted.execute(totals.saving(kept | {5: Total(9, 1, 2), 6: Total()}))
    assert sorted(await compressed_table.left(planted)) == [
        Left(2, 70, "INT16", 2, True),
        Left(3, 100, None, None, None),
        Left(4, 100, None, None, None),
    ]
