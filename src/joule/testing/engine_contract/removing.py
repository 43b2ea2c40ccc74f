"""How rows and breaks go: deleted, consolidated, retained, dropped."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import numpy as np
import pytest

from joule.models.intervals import ALL_TIME, MAX_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import Engine, StreamRef
from joule.testing.engine_contract.checks import check_stream, make_rows
from joule.testing.engine_contract.scene import STEP_US, Scene, at


class DeleteContract:
    """Rows of a range removed."""

    async def test_deleting_between_rows_leaves_a_break(self, scene: Scene) -> None:
        await scene.append(0, 8)
        assert await scene.store.delete(scene.stream, at(scene, 3, 5)) == 2 * scene.unit
        await scene.expect((0, 3), (5, 8))

    async def test_deleting_where_there_are_no_rows_changes_nothing(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(6, 8)
        for bounds in (at(scene, 2, 6), at(scene, 9, 10), at(scene, 5, 4)):
            assert await scene.store.delete(scene.stream, bounds) == 0
        rows = np.concatenate([scene.rows(0, 2), scene.rows(6, 8)])
        await check_stream(scene.store, scene.stream, [rows])

    async def test_deleting_the_first_rows_leaves_no_break(self, scene: Scene) -> None:
        await scene.append(0, 8)
        assert await scene.store.delete(scene.stream, at(scene, -4, 3)) == 3 * scene.unit
        await scene.expect((3, 8))
        await scene.insert(1, 3)
        await scene.expect((1, 8))

    async def test_deleting_the_last_rows_leaves_no_break(self, scene: Scene) -> None:
        await scene.append(0, 8)
        assert await scene.store.delete(scene.stream, at(scene, 5, 99)) == 3 * scene.unit
        await scene.append(5, 6)
        await scene.expect((0, 6))

    async def test_deleting_over_breaks_leaves_one(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (2, 4), (5, 6), (7, 9))
        await scene.store.delete(scene.stream, at(scene, 1, 8))
        await scene.expect((0, 1), (8, 9))
        await scene.store.delete(scene.stream, at(scene, 8, 9))
        await scene.append(9, 10)
        rows = np.concatenate([scene.rows(0, 1), scene.rows(9, 10)])
        await check_stream(scene.store, scene.stream, [rows])

    async def test_deleting_everything_leaves_an_empty_stream(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (3, 4))
        assert await scene.store.delete(scene.stream, ALL_TIME) == 3 * scene.unit
        await scene.expect()
        await scene.append(0, 4, starts_interval=True)
        await scene.expect((0, 4))

    async def test_a_single_row_can_be_deleted(self, scene: Scene) -> None:
        await scene.append(0, 4)
        bounds = Interval(scene.at(2), scene.at(2) + 1)
        assert await scene.store.delete(scene.stream, bounds) == 1
        left, right = scene.rows(0, 2), scene.rows(2, 4)[1:]
        await check_stream(scene.store, scene.stream, [left, right])

    async def test_deleted_rows_can_be_written_again(self, scene: Scene) -> None:
        await scene.append(0, 8)
        await scene.store.delete(scene.stream, at(scene, 3, 5))
        await scene.insert(3, 5)
        await scene.expect((0, 8))

    async def test_bounds_may_lie_between_rows(self, scene: Scene) -> None:
        await scene.append(0, 8)
        bounds = Interval(scene.at(3) - 1, scene.at(5) - STEP_US + 1)
        assert await scene.store.delete(scene.stream, bounds) == 2 * scene.unit
        await scene.expect((0, 3), (5, 8))


class ConsolidateContract:
    """Breaks removed."""

    async def test_small_gaps_are_closed_and_counted(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (2, 4), (5, 6), (9, 10))
        gap_us = scene.at(5) - (scene.at(4) - STEP_US + 1)
        assert await scene.store.consolidate(scene.stream, ALL_TIME, gap_us - 1) == 1
        assert await scene.store.consolidate(scene.stream, ALL_TIME, gap_us) == 1
        rows = np.concatenate([scene.rows(0, 4), scene.rows(5, 6)])
        await check_stream(scene.store, scene.stream, [rows, scene.rows(9, 10)])
        assert await scene.store.consolidate(scene.stream, ALL_TIME, gap_us) == 0

    async def test_breaks_outside_the_range_stay(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (2, 4), (4, 6), (6, 8))
        assert await scene.store.consolidate(scene.stream, at(scene, 3, 5), MAX_TIME) == 1
        await scene.expect((0, 2), (2, 6), (6, 8))

    async def test_consolidating_nothing_gives_zero(self, scene: Scene) -> None:
        assert await scene.store.consolidate(scene.stream, ALL_TIME, 100) == 0
        await scene.append(0, 2)
        assert await scene.store.consolidate(scene.stream, ALL_TIME, 100) == 0
        await scene.expect((0, 2))


class RetainContract:
    """Old rows let go."""

    async def test_retention_removes_old_rows_only(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float64", 64))
        rows = make_rows(stream.layout, range(0, 80_000, 10))
        for part in np.array_split(rows, 40):
            engine.samples.append(stream, part.copy())
            await engine.samples.commit()
        await engine.maintain()
        before = 60_000
        removed = await engine.samples.retain(stream, before)
        kept_back = 6000 - removed
        assert 0 <= kept_back * stream.layout.row_bytes <= 1 << 20
        await check_stream(engine.samples, stream, [rows[removed:]])
        engine.samples.append(stream, make_rows(stream.layout, [80_000]))
        assert (await engine.samples.info(stream)).rows == 8001 - removed

    async def test_retention_forgets_the_breaks_of_what_it_removes(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float64", 64))
        runs = [make_rows(stream.layout, range(i * 10**6, i * 10**6 + 9000)) for i in range(4)]
        for run in runs:
            engine.samples.append(stream, run, starts_interval=True)
            await engine.samples.commit()
        removed = await engine.samples.retain(stream, 2 * 10**6)
        assert removed > 9000
        left = [runs[1][removed - 9000 :], *runs[2:]]
        await check_stream(engine.samples, stream, [run for run in left if len(run)], levels=(64,))

    @pytest.mark.parametrize("before", [-(10**9), 0])
    async def test_retention_leaves_young_rows_alone(self, scene: Scene, before: int) -> None:
        await scene.append_runs((0, 2), (3, 4))
        assert await scene.store.retain(scene.stream, before) == 0
        await scene.expect((0, 2), (3, 4))

    async def test_retention_of_nothing_gives_zero(self, engine: Engine) -> None:
        assert await engine.samples.retain(StreamRef(5, Layout("int16", 1)), 10) == 0


class DropContract:
    """Everything of some streams removed."""

    async def test_dropping_streams_removes_their_rows_and_no_others(self, engine: Engine) -> None:
        layout = Layout("float64", 64)
        streams = [StreamRef(id_, layout) for id_ in (1, 2, 3)]
        rows = make_rows(layout, range(3000))
        for stream in streams:
            engine.samples.append(stream, rows.copy())
        await engine.samples.commit()
        engine.samples.append(streams[2], make_rows(layout, [5000]))
        await engine.samples.drop([1, 3, 99])
        await engine.maintain()
        for stream, runs in zip(streams, ([], [rows], []), strict=True):
            await check_stream(engine.samples, stream, runs)

    async def test_dropping_nothing_is_fine(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.store.drop([])
        await scene.expect((0, 2))

    async def test_usage_grows_with_the_data(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float64", 64))
        empty = (await engine.usage()).size_bytes
        rows = make_rows(stream.layout, range(2000))
        rows["data"] = np.random.default_rng(1).normal(size=(2000, 64))
        engine.samples.append(stream, rows)
        await engine.samples.commit()
        assert (await engine.usage()).size_bytes > empty + rows.nbytes // 4
        assert (await engine.usage()).path
