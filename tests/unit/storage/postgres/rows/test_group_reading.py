from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, Interval
from joule.models.layout import Layout
from joule.storage.address import Address
from joule.storage.interfaces import StreamRef
from joule.storage.postgres import PostgresEngine
from joule.storage.postgres.levels import covering
from joule.storage.postgres.rows import group_reading
from joule.storage.postgres.tables import level_table
from joule.testing.engine_contract.checks import check_groups, check_stream, make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.models.layout import Rows

STREAM = StreamRef(3, Layout("float32", 2))
LEVELS = (1, 4, 16, 64, 256)


def rows_at(start: int, end: int) -> Rows:
    return make_rows(STREAM.layout, np.arange(start, end) * 10)


async def test_small_pages_give_the_same_groups(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = np.split(rows_at(0, 700), [301, 302, 390])
    for run in runs:
        engine.samples.append(STREAM, run.copy(), starts_interval=True)
    await engine.samples.commit()
    monkeypatch.setattr(group_reading, "PAGE_BYTES", 400)
    monkeypatch.setattr(covering, "CUTS_MAX", 2)
    await check_stream(engine.samples, STREAM, runs, levels=LEVELS)


async def test_a_page_of_one_group_is_enough(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.samples.append(STREAM, rows_at(0, 100))
    await engine.samples.commit()
    monkeypatch.setattr(group_reading, "PAGE_BYTES", 1)
    await check_stream(engine.samples, STREAM, [rows_at(0, 100)], levels=LEVELS)


async def test_pending_rows_join_the_last_stored_group(engine: PostgresEngine) -> None:
    engine.samples.append(STREAM, rows_at(0, 99))
    await engine.samples.commit()
    engine.samples.append(STREAM, rows_at(99, 130))
    await check_stream(engine.samples, STREAM, [rows_at(0, 130)], levels=LEVELS)
    blocks = [b async for b in engine.samples.read_decimated(STREAM, ALL_TIME, 64)]
    assert sum(len(block.groups) for block in blocks) == 3


@pytest.mark.parametrize("dropped", [4, 16, 64])
async def test_the_next_lower_level_is_read_where_a_table_is_missing(
    postgres_address: str, connection: Connection, dropped: int
) -> None:
    address = Address.parse(postgres_address)
    async with PostgresEngine(address) as engine:
        engine.samples.append(STREAM, rows_at(0, 600))
    await connection.execute(f"DROP TABLE {level_table.qualified(STREAM.id, dropped)}")
    async with PostgresEngine(address) as engine:
        await check_stream(engine.samples, STREAM, [rows_at(0, 600)], levels=LEVELS)
        engine.samples.append(STREAM, rows_at(600, 1300))
        await engine.samples.commit()
        await check_stream(engine.samples, STREAM, [rows_at(0, 1300)], levels=LEVELS)


async def test_what_is_not_in_groups_at_all_is_read_from_rows_in_pages(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.samples.append(STREAM, rows_at(0, 600))
    await engine.samples.commit()
    await engine.samples.drop_decimations(STREAM)
    engine.samples.append(STREAM, rows_at(600, 1000))
    await engine.samples.commit()
    monkeypatch.setattr(group_reading, "PAGE_BYTES", 400)
    await check_stream(engine.samples, STREAM, [rows_at(0, 1000)], levels=LEVELS)


async def test_a_table_dropped_between_two_looks_is_done_without(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.samples.append(STREAM, rows_at(0, 600))
    await engine.samples.commit()
    monkeypatch.setattr(group_reading, "PAGE_BYTES", 400)
    blocks = engine.samples.read_decimated(STREAM, ALL_TIME, 4)
    first = await anext(blocks)
    await engine.samples.drop_decimations(STREAM)
    counts = [first.groups.count.sum()] + [block.groups.count.sum() async for block in blocks]
    assert sum(counts) == 600


async def test_a_bounded_view_asks_for_a_bounded_number_of_groups(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.samples.append(STREAM, rows_at(0, 20_000))
    await engine.samples.commit()
    taken: list[int] = []
    read = level_table.read

    async def counting(*arguments: object) -> Rows:
        rows = await read(*arguments)  # type: ignore[arg-type]
        taken.append(len(rows))
        return rows

    monkeypatch.setattr(level_table, "read", counting)
    bounds = Interval(7, 199_990)
    await check_groups(engine.samples, STREAM, [rows_at(1, 19_999)], 1024, bounds)
    assert sum(taken) <= 20 + 2 * 3 * 5
