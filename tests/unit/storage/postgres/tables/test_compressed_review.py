"""Copies from before others changed a stream, looked at again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from joule.models.intervals import MAX_TIME, Interval
from joule.storage.postgres.connection.copy_format import time_literal as at
from joule.storage.postgres.rows.compressed_copies import encode
from joule.storage.postgres.tables import compressed_table
from tests.unit.storage.postgres.compressed_kit import (
    check_copies,
    connect_stranger,
    copies,
    starts,
)
from tests.unit.storage.postgres.tables.planted_copies import ENDS, ROWS, STREAM

if TYPE_CHECKING:
    from asyncpg import Connection

WAITING: Final = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"


async def test_copies_are_kept_where_others_only_added_rows_elsewhere(
    planted: Connection, stranger: Connection
) -> None:
    for time in (-5, 55, 191, 5000):
        await stranger.execute(f"INSERT INTO data.stream1 VALUES ({at(time)}, 7)")
    assert await check_copies(planted, STREAM) == 0
    assert not await compressed_table.review(planted, 1)
    assert await check_copies(planted, STREAM) == 8
    assert starts(await copies(planted, STREAM)) == [91, *ENDS[3:-1]]


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE data.stream1 SET elem0 = 7 WHERE time = {at(50)}",
        f"DELETE FROM data.stream1 WHERE time = {at(50)};"
        f"INSERT INTO data.stream1 VALUES ({at(51)}, 7)",
        f"INSERT INTO data.stream1 VALUES ({at(51)}, 7);"
        f"DELETE FROM data.stream1 WHERE time = {at(50)}",
    ],
)
async def test_no_copy_is_kept_where_others_did_more(
    planted: Connection, stranger: Connection, change: str
) -> None:
    await stranger.execute(change)
    assert not await compressed_table.review(planted, 1)
    assert await copies(planted, STREAM) == []


async def test_copies_made_behind_a_change_are_kept_when_rows_are_added_then(
    planted: Connection, stranger: Connection
) -> None:
    await compressed_table.discard(planted, 1, Interval(0, 91))
    await stranger.execute("UPDATE data.stream1 SET elem0 = elem0 + 1")
    changed = ROWS[:10].copy()
    changed["data"] += 1
    await compressed_table.add(planted, 1, 1, encode(changed, 0))
    await stranger.execute(f"INSERT INTO data.stream1 VALUES ({at(555)}, 7)")
    assert await check_copies(planted, STREAM) == 0
    await compressed_table.review(planted, 1)
    assert starts(await copies(planted, STREAM)) == [0]
    assert await check_copies(planted, STREAM) == 1


@pytest.mark.parametrize(
    ("count", "found"), [(2, [False]), (3, [True, False]), (10, [True, True, True, False])]
)
async def test_many_copies_are_looked_at_in_steps(
    planted: Connection,
    stranger: Connection,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    found: list[bool],
) -> None:
    monkeypatch.setattr(compressed_table, "STALE_PER_STEP", 3)
    await compressed_table.discard(planted, 1, Interval(ENDS[count], MAX_TIME))
    await stranger.execute(f"INSERT INTO data.stream1 VALUES ({at(5000)}, 7)")
    assert [await compressed_table.review(planted, 1) for _ in found] == found
    assert await check_copies(planted, STREAM) == count


async def test_a_change_in_the_middle_of_a_review_is_not_overlooked(
    planted: Connection, stranger: Connection, postgres_address: str
) -> None:
    """Between its two looks others change a value, so that the number of rows says nothing."""
    await compressed_table.discard(planted, 1, Interval(0, 91))
    await stranger.execute(f"UPDATE data.stream1 SET elem0 = elem0 WHERE time = {at(500)}")
    await compressed_table.add(planted, 1, 1, encode(ROWS[:10], 0))
    await stranger.execute(f"INSERT INTO data.stream1 VALUES ({at(5000)}, 7)")
    holding = await connect_stranger(postgres_address)
    async with holding.transaction():
        await holding.execute("SELECT FROM joule.compressed WHERE version = 0 FOR UPDATE")
        reviewing = asyncio.ensure_future(compressed_table.review(planted, 1))
        while not (await stranger.fetchval(WAITING) or reviewing.done()):  # noqa: ASYNC110 - a server tells nobody
            await asyncio.sleep(0.01)
        await stranger.execute("UPDATE data.stream1 SET elem0 = elem0 + 1")
    await reviewing
    await holding.close()
    assert await copies(planted, STREAM) == []
