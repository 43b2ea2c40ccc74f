"""Reads that go on while rows come and go."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import asyncio

import numpy as np

from joule.models.intervals import ALL_TIME
from joule.models.layout import Layout
from joule.storage.interfaces import Engine, StreamRef
from joule.testing.engine_contract.checks import (
    assert_runs_equal,
    check_stream,
    make_rows,
    read_runs,
)
from joule.testing.engine_contract.scene import Scene, at


class ConcurrencyContract:
    """Reads that go on while rows come and go."""

    async def test_a_read_goes_on_while_rows_are_appended_and_sealed(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float64", 64))
        rows = make_rows(stream.layout, range(0, 60_000, 10))
        engine.samples.append(stream, rows[:4000])
        await engine.samples.commit()
        found, more = [], np.array_split(rows[4000:], 20)
        async for block in engine.samples.read(stream, ALL_TIME):
            found.append(block.rows)
            assert not block.starts_interval
            if more:
                engine.samples.append(stream, more.pop(0).copy())
                await engine.samples.commit()
                await engine.maintain()
        seen = np.concatenate(found)
        assert len(seen) >= 4000, "a row accepted before the read began is missing"
        assert_runs_equal([seen], [rows[: len(seen)]])
        for rest in more:
            engine.samples.append(stream, rest.copy())
        await check_stream(engine.samples, stream, [rows])

    async def test_a_read_goes_on_while_late_rows_are_merged(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float64", 64))
        rows = make_rows(stream.layout, range(0, 60_000, 10))
        late = np.arange(5, len(rows), 10)
        old = np.delete(rows, late)
        engine.samples.append(stream, old.copy())
        await engine.samples.commit()
        groups = np.array_split(late, 12)
        found = []
        async for block in engine.samples.read(stream, ALL_TIME):
            found.append(block.rows)
            if groups:
                await engine.samples.insert(
                    stream, rows[groups.pop()], starts_interval=False, ends_interval=False
                )
        times = np.concatenate(found)["timestamp"]
        assert (np.diff(times) > 0).all()
        assert np.isin(old["timestamp"], times).all()
        assert np.isin(times, rows["timestamp"]).all()

    async def test_many_readers_and_a_writer_do_not_disturb_each_other(
        self, engine: Engine
    ) -> None:
        stream = StreamRef(1, Layout("float32", 16))
        rows = make_rows(stream.layout, range(0, 300_000, 10))
        engine.samples.append(stream, rows[:10_000])

        async def write() -> None:
            for part in np.array_split(rows[10_000:], 20):
                engine.samples.append(stream, part.copy())
                await engine.samples.commit()

        async def read() -> None:
            runs, _ = await read_runs(engine.samples, stream)
            assert len(runs[0]) >= 10_000
            assert_runs_equal(runs, [rows[: len(runs[0])]])
            await engine.samples.info(stream)

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            for _ in range(5):
                group.create_task(read())
        await check_stream(engine.samples, stream, [rows])

    async def test_a_read_may_be_left_half_way(self, scene: Scene) -> None:
        await scene.append_runs((0, 4), (5, 9))
        reading = scene.store.read(scene.stream, ALL_TIME)
        async for _ in reading:
            break
        await scene.append(9, 10)
        await scene.store.delete(scene.stream, at(scene, 0, 4))
        await scene.expect((5, 10))
        await reading.aclose()  # type: ignore[attr-defined]  # engines write generators
