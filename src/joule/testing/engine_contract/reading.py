"""How rows come out: ranges, breaks and decimated views."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import pytest

from joule.models.base import DATATYPES
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.models.layout import Layout
from joule.storage.interfaces import Engine, StreamRef
from joule.testing.engine_contract.checks import (
    assert_runs_equal,
    check_groups,
    check_stream,
    make_rows,
    read_runs,
)
from joule.testing.engine_contract.scene import STEP_US, Scene, at


class InfoContract:
    """What is stored of many streams, told at once."""

    async def test_many_streams_are_told_of_in_order(self, engine: Engine) -> None:
        layout = Layout("int16", 2)
        streams = [StreamRef(number, layout) for number in range(1, 251)]
        for stream in streams[::3]:
            engine.samples.append(stream, make_rows(layout, range(stream.id, 2 * stream.id)))
        await engine.samples.commit()
        engine.samples.append(streams[0], make_rows(layout, [1000]))  # not durable yet
        asked = [*streams[::-1], streams[0]]
        infos = await engine.samples.infos(asked)
        assert infos == [await engine.samples.info(stream) for stream in asked]
        assert [info.rows for info in infos[:3]] == [250, 0, 0]
        assert (infos[-1].rows, infos[-1].end) == (2, 1000)

    async def test_no_streams_are_nothing_to_tell(self, engine: Engine) -> None:
        assert await engine.samples.infos([]) == []


class ReadContract:
    """Rows, counts and intervals of a range."""

    async def test_a_range_is_half_open(self, scene: Scene) -> None:
        await scene.append(0, 6)
        found, ends_in_gap = await read_runs(scene.store, scene.stream, (bounds := at(scene, 2, 4)))
        assert_runs_equal(found, [scene.rows(2, 4)])
        assert not ends_in_gap
        assert await scene.store.count(scene.stream, bounds) == 2 * scene.unit
        assert await scene.store.intervals(scene.stream, bounds) == [scene.run(2, 4)]

    async def test_bounds_need_not_be_timestamps_of_rows(self, scene: Scene) -> None:
        await scene.append(0, 6)
        bounds = Interval(scene.at(2) - 1, scene.at(4) - STEP_US + 1)
        found, _ = await read_runs(scene.store, scene.stream, bounds)
        assert_runs_equal(found, [scene.rows(2, 4)])
        assert await scene.store.count(scene.stream, bounds) == 2 * scene.unit

    async def test_one_row_can_be_read_alone(self, scene: Scene) -> None:
        await scene.append(0, 6)
        bounds = Interval(scene.at(3), scene.at(3) + 1)
        found, _ = await read_runs(scene.store, scene.stream, bounds)
        assert_runs_equal(found, [scene.rows(3, 4)[:1]])
        await check_groups(scene.store, scene.stream, found, 64, bounds)

    @pytest.mark.parametrize(("start", "end"), [(-5, 0), (6, 9), (2, 2), (4, 2)])
    async def test_a_range_without_rows_gives_nothing(
        self, scene: Scene, start: int, end: int
    ) -> None:
        await scene.append(0, 6)
        bounds = at(scene, start, end)
        assert await read_runs(scene.store, scene.stream, bounds) == ([], False)
        assert await scene.store.count(scene.stream, bounds) == 0
        assert await scene.store.intervals(scene.stream, bounds) == []
        await check_groups(scene.store, scene.stream, [], 16, bounds)

    async def test_a_read_tells_the_breaks_between_its_rows(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (2, 4), (6, 8))
        bounds = at(scene, 1, 7)
        found, ends_in_gap = await read_runs(scene.store, scene.stream, bounds)
        assert_runs_equal(found, [scene.rows(1, 2), scene.rows(2, 4), scene.rows(6, 7)])
        assert not ends_in_gap
        runs = [scene.run(1, 2), scene.run(2, 4), scene.run(6, 7)]
        assert await scene.store.intervals(scene.stream, bounds) == runs

    async def test_the_first_rows_of_a_read_start_no_interval(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6))
        for start in (3, 4):
            found, _ = await read_runs(scene.store, scene.stream, at(scene, start, 6))
            assert_runs_equal(found, [scene.rows(4, 6)])

    async def test_a_read_that_reaches_into_a_gap_ends_with_a_break(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6))
        last = scene.at(2) - STEP_US
        for end, expected in [(last + 1, False), (last + 2, True), (scene.at(4), True)]:
            bounds = Interval(scene.at(0), end)
            found, ends_in_gap = await read_runs(scene.store, scene.stream, bounds)
            assert_runs_equal(found, [scene.rows(0, 2)])
            assert ends_in_gap == expected
            groups = [b async for b in scene.store.read_decimated(scene.stream, bounds, 4)]
            assert (len(groups[-1].groups.count) == 0) == expected
            assert groups[-1].starts_interval == expected

    async def test_a_read_within_a_gap_gives_nothing(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6))
        assert await read_runs(scene.store, scene.stream, at(scene, 2, 4)) == ([], False)

    async def test_a_read_beyond_the_last_row_ends_with_no_break(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6))
        _, ends_in_gap = await read_runs(scene.store, scene.stream, at(scene, 0, 100))
        assert not ends_in_gap

    async def test_rows_of_different_ages_are_read_as_one(self, scene: Scene) -> None:
        await scene.append(0, 5)
        scene.store.append(scene.stream, scene.rows(5, 6))
        await scene.store.commit()
        scene.store.append(scene.stream, scene.rows(6, 7))
        await scene.expect((0, 7))

    async def test_bounds_may_be_the_extreme_timestamps(self, scene: Scene) -> None:
        await scene.append_runs((-3, -1), (1, 3))
        for bounds in (ALL_TIME, Interval(MIN_TIME, scene.at(3)), Interval(scene.at(-3), MAX_TIME)):
            found, _ = await read_runs(scene.store, scene.stream, bounds)
            assert_runs_equal(found, [scene.rows(-3, -1), scene.rows(1, 3)])


class DecimationContract:
    """Decimated views: always there, never a lost extreme."""

    @pytest.mark.parametrize("level", [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 4**12])
    async def test_every_level_answers(self, scene: Scene, level: int) -> None:
        await scene.append_runs((0, 3), (3, 4), (8, 12))
        runs = [scene.rows(0, 3), scene.rows(3, 4), scene.rows(8, 12)]
        await check_groups(scene.store, scene.stream, runs, level)

    @pytest.mark.parametrize("level", [4, 64, 256, 16384])
    async def test_groups_of_a_range_summarise_its_rows_only(
        self, scene: Scene, level: int
    ) -> None:
        await scene.append_runs((0, 6), (6, 12))
        bounds = Interval(scene.at(1) + 1, scene.at(11) - STEP_US)
        runs, _ = await read_runs(scene.store, scene.stream, bounds)
        await check_groups(scene.store, scene.stream, runs, level, bounds)

    @pytest.mark.parametrize("datatype", DATATYPES)
    async def test_a_stream_that_stores_no_groups_answers_too(
        self, engine: Engine, datatype: str
    ) -> None:
        stream = StreamRef(1, Layout(datatype, 40), decimate=False)
        rows = make_rows(stream.layout, range(0, 40_000, 10))
        engine.samples.append(stream, rows[:1500])
        engine.samples.append(stream, rows[1500:], starts_interval=True)
        await engine.samples.commit()
        await engine.maintain()
        await check_stream(
            engine.samples, stream, [rows[:1500], rows[1500:]], levels=(4, 64, 1024, 16384)
        )

    async def test_dropped_groups_are_computed_when_they_are_read(self, scene: Scene) -> None:
        await scene.append_runs((0, 6), (8, 12))
        await scene.store.drop_decimations(scene.stream)
        await scene.expect((0, 6), (8, 12))
        await scene.append(12, 14)
        await scene.insert(6, 7, ends_interval=True)
        await scene.expect((0, 7), (8, 14))

    async def test_dropped_groups_can_be_computed_anew(self, scene: Scene) -> None:
        await scene.append_runs((0, 6), (8, 12))
        await scene.store.drop_decimations(scene.stream)
        await scene.store.decimate(scene.stream)
        await scene.expect((0, 6), (8, 12))
        await scene.store.decimate(scene.stream)
        await scene.expect((0, 6), (8, 12))

    async def test_decimating_a_stream_without_rows_is_fine(self, engine: Engine) -> None:
        stream = StreamRef(3, Layout("int16", 2))
        await engine.samples.decimate(stream)
        await engine.samples.drop_decimations(stream)
        await check_stream(engine.samples, stream, [])

    async def test_groups_follow_late_rows_and_deletions(self, scene: Scene) -> None:
        await scene.append(0, 4)
        await scene.append(6, 12)
        await scene.insert(4, 6)
        await scene.store.delete(scene.stream, at(scene, 8, 9))
        await scene.expect((0, 8), (9, 12))
