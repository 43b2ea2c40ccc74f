from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.storage.postgres.levels import decimating
from joule.testing.engine_contract.checks import check_stream, make_rows

if TYPE_CHECKING:
    from asyncpg import Connection

    from joule.storage.postgres import PostgresEngine

STREAM = StreamRef(1, Layout("int16", 1))


async def groups(connection: Connection) -> list[int]:
    query = "SELECT count(*) FROM data.stream1_{}"
    return [await connection.fetchval(query.format(level)) for level in (4, 16, 64)]


async def test_rows_that_come_while_groups_are_made_have_groups_too(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decimating, "STEP_BYTES", 230)
    rows = make_rows(STREAM.layout, range(1000))
    engine.samples.append(STREAM, rows[:500].copy())
    await engine.samples.commit()
    assert await groups(connection) == [125, 31, 7]

    async def write() -> None:
        for start in range(500, 1000, 10):
            engine.samples.append(STREAM, rows[start : start + 10].copy())
            await engine.samples.commit()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.samples.decimate(STREAM))
        tasks.create_task(write())
    assert await groups(connection) == [250, 62, 15]
    await check_stream(engine.samples, STREAM, [rows])


async def test_late_rows_wait_until_groups_are_made(
    engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decimating, "STEP_BYTES", 230)
    rows = make_rows(STREAM.layout, range(300))
    engine.samples.append(STREAM, rows[::2].copy())
    await engine.samples.commit()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.samples.decimate(STREAM))
        for start in range(1, 300, 30):
            late = rows[start : start + 30 : 2]
            tasks.create_task(
                engine.samples.insert(STREAM, late, starts_interval=False, ends_interval=False)
            )
    await check_stream(engine.samples, STREAM, [rows])


async def test_what_ends_half_way_leaves_views_right(
    engine: PostgresEngine, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decimating, "STEP_BYTES", 230)
    rows = make_rows(STREAM.layout, range(600))
    engine.samples.append(STREAM, rows[:500].copy())
    await engine.samples.commit()
    step = decimating.step

    async def fails(*arguments: object) -> decimating.Progress:
        progress = await step(*arguments)  # type: ignore[arg-type]
        assert progress.position is not None
        if progress.position > 200:
            raise RuntimeError("enough")
        return progress

    monkeypatch.setattr(decimating, "step", fails)
    with pytest.raises(RuntimeError, match="enough"):
        await engine.samples.decimate(STREAM)
    monkeypatch.undo()
    assert 0 < (await groups(connection))[0] < 60
    engine.samples.append(STREAM, rows[500:].copy())
    await engine.samples.commit()
    await check_stream(engine.samples, STREAM, [rows])
