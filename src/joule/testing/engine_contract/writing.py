"""How rows come in: appended, committed, and merged when they are late."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import DuplicateTimestampError
from joule.models.intervals import ALL_TIME as ALL
from joule.models.layout import DATATYPES, Layout
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import check_stream, make_rows, read_runs
from joule.testing.engine_contract.scene import STEP_US

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine
    from joule.testing.engine_contract.scene import Scene


class AppendContract:
    """Rows behind the last one."""

    async def test_a_stream_without_rows_answers_every_question(self, engine: Engine) -> None:
        stream = StreamRef(7, Layout("int32", 2))
        await check_stream(engine.samples, stream, [])
        assert await engine.samples.last_before(stream, 100) is None

    async def test_rows_are_visible_as_soon_as_they_are_accepted(self, scene: Scene) -> None:
        scene.store.append(scene.stream, scene.rows(0, 3))
        await scene.expect((0, 3))

    async def test_a_single_row_is_an_interval(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("int16", 1))
        engine.samples.append(stream, make_rows(stream.layout, [42]))
        assert await engine.samples.intervals(stream, ALL) == [(42, 43)]
        await engine.samples.commit()
        assert await engine.samples.intervals(stream, ALL) == [(42, 43)]

    async def test_appends_continue_the_interval(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(2, 5)
        await scene.append(5, 6)
        await scene.expect((0, 6))

    async def test_a_gap_in_time_alone_is_no_break(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(5, 7)
        rows = np.concatenate([scene.rows(0, 2), scene.rows(5, 7)])
        await check_stream(scene.store, scene.stream, [rows])

    async def test_an_append_can_start_an_interval(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(2, 4, starts_interval=True)
        await scene.append(4, 6)
        await scene.append(8, 9, starts_interval=True)
        await scene.expect((0, 2), (2, 6), (8, 9))

    async def test_a_break_before_the_first_row_of_all_is_none(self, scene: Scene) -> None:
        await scene.append(0, 2, starts_interval=True)
        await scene.expect((0, 2))

    async def test_an_append_of_no_rows_changes_nothing(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(2, 2)
        await scene.append(2, 4)
        await scene.expect((0, 4))

    async def test_streams_do_not_mix(self, engine: Engine) -> None:
        left, right = StreamRef(1, Layout("int16", 1)), StreamRef(2, Layout("float64", 2))
        mine, other = make_rows(left.layout, [1, 2, 3]), make_rows(right.layout, [2, 3, 4, 5])
        engine.samples.append(left, mine)
        engine.samples.append(right, other)
        await engine.samples.commit()
        await check_stream(engine.samples, left, [mine])
        await check_stream(engine.samples, right, [other])

    async def test_pending_bytes_count_what_no_commit_has_covered(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float32", 4))
        assert engine.samples.pending_bytes == 0
        rows = make_rows(stream.layout, range(100))
        engine.samples.append(stream, rows[:60])
        engine.samples.append(stream, rows[60:])
        assert engine.samples.pending_bytes == rows.nbytes
        await engine.samples.commit()
        assert engine.samples.pending_bytes == 0
        await engine.samples.commit()
        await check_stream(engine.samples, stream, [rows])

    async def test_cancelling_a_commit_neither_loses_nor_doubles_rows(self, scene: Scene) -> None:
        scene.store.append(scene.stream, scene.rows(0, 3))
        task = asyncio.create_task(scene.store.commit())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        scene.store.append(scene.stream, scene.rows(3, 4))
        await scene.store.commit()
        assert scene.store.pending_bytes == 0
        await scene.expect((0, 4))

    async def test_commits_may_overlap(self, scene: Scene) -> None:
        async with asyncio.TaskGroup() as group:
            for position in range(5):
                scene.store.append(scene.stream, scene.rows(position, position + 1))
                group.create_task(scene.store.commit())
                await asyncio.sleep(0)
        assert scene.store.pending_bytes == 0
        await scene.expect((0, 5))

    @pytest.mark.parametrize("datatype", DATATYPES)
    @pytest.mark.parametrize("width", [1, 5])
    async def test_values_of_every_datatype_come_back_bit_for_bit(
        self, engine: Engine, datatype: str, width: int
    ) -> None:
        stream = StreamRef(1, Layout(datatype, width))
        rows = extreme_rows(stream.layout)
        engine.samples.append(stream, rows.copy())
        await check_stream(engine.samples, stream, [rows])
        await engine.samples.commit()
        await engine.maintain()
        await check_stream(engine.samples, stream, [rows])

    async def test_timestamps_may_be_negative_and_extreme(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("int16", 1))
        times = [-(2**63), -(2**63) + 1, -(2**40), -1, 0, 1, 2**62, 2**63 - 2]
        rows = make_rows(stream.layout, times)
        engine.samples.append(stream, rows[:3])
        await engine.samples.commit()
        engine.samples.append(stream, rows[4:])
        await engine.samples.commit()
        await engine.samples.insert(stream, rows[3:4], starts_interval=False, ends_interval=False)
        await check_stream(engine.samples, stream, [rows], levels=())


class InsertContract:
    """Rows between, before or behind others."""

    async def test_late_rows_are_merged_in_order(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(4, 6)
        await scene.insert(2, 4)
        await scene.expect((0, 6))

    async def test_the_flags_put_breaks_around_late_rows(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(4, 6)
        await scene.insert(2, 4, starts_interval=True, ends_interval=True)
        await scene.expect((0, 2), (2, 4), (4, 6))

    async def test_a_break_can_be_put_on_one_side_only(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6), (8, 10))
        await scene.insert(2, 4, starts_interval=True)
        await scene.insert(6, 8, ends_interval=True)
        await scene.expect((0, 2), (2, 8), (8, 10))

    async def test_late_rows_without_flags_close_the_gap(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6))
        await scene.insert(2, 4)
        await scene.expect((0, 6))

    async def test_rows_before_the_first_need_no_break_at_their_start(self, scene: Scene) -> None:
        await scene.append(4, 6)
        await scene.insert(0, 2, starts_interval=True, ends_interval=True)
        await scene.expect((0, 2), (4, 6))

    async def test_rows_behind_the_last_can_be_inserted_too(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.insert(2, 4, starts_interval=False, ends_interval=True)
        await scene.append(4, 6)
        await scene.expect((0, 6))

    async def test_rows_can_be_inserted_into_an_empty_stream(self, scene: Scene) -> None:
        await scene.insert(3, 5, starts_interval=True, ends_interval=True)
        await scene.append(5, 6, starts_interval=True)
        await scene.expect((3, 5), (5, 6))

    async def test_rows_can_be_interleaved(self, scene: Scene) -> None:
        rows = scene.rows(0, 6)
        scene.store.append(scene.stream, rows[::2])
        await scene.settle()
        await scene.store.insert(
            scene.stream, rows[1::2], starts_interval=False, ends_interval=False
        )
        await scene.expect((0, 6))

    async def test_breaks_away_from_late_rows_stay(self, scene: Scene) -> None:
        await scene.append_runs((0, 1), (1, 2), (4, 5), (5, 6))
        await scene.insert(2, 3, ends_interval=True)
        await scene.expect((0, 1), (1, 3), (4, 5), (5, 6))

    async def test_a_break_that_no_late_row_falls_into_stays(self, scene: Scene) -> None:
        rows = scene.rows(0, 8)
        half = len(rows) // 2
        odd = np.arange(1, len(rows) - 1, 2)
        odd = odd[odd != half - 1]
        old = np.delete(rows, odd)
        split = int(np.searchsorted(old["timestamp"], rows["timestamp"][half]))
        scene.store.append(scene.stream, old[:split].copy())
        scene.store.append(scene.stream, old[split:].copy(), starts_interval=True)
        await scene.settle()
        await scene.store.insert(
            scene.stream, rows[odd].copy(), starts_interval=False, ends_interval=False
        )
        await scene.expect((0, 4), (4, 8))

    async def test_a_duplicate_is_refused_by_name_and_changes_nothing(self, scene: Scene) -> None:
        await scene.append_runs((0, 2), (4, 6))
        with pytest.raises(DuplicateTimestampError, match=rf"\b{scene.at(4)} already exists"):
            await scene.insert(2, 5)
        with pytest.raises(DuplicateTimestampError, match=rf"\b{scene.at(0)} already exists"):
            await scene.insert(-1, 1, starts_interval=True, ends_interval=True)
        await scene.expect((0, 2), (4, 6))

    async def test_an_insert_of_no_rows_changes_nothing(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.insert(1, 1, starts_interval=True, ends_interval=True)
        await scene.expect((0, 2))

    async def test_an_insert_between_pending_rows_keeps_them_pending_or_durable(
        self, scene: Scene
    ) -> None:
        scene.store.append(scene.stream, scene.rows(0, 2))
        scene.store.append(scene.stream, scene.rows(4, 6))
        await scene.insert(2, 4)
        scene.store.append(scene.stream, scene.rows(6, 7))
        await scene.expect((0, 7))
        await scene.store.commit()
        assert scene.store.pending_bytes == 0
        await scene.expect((0, 7))

    async def test_last_before_finds_the_neighbour_of_a_late_row(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(4, 6)
        before = scene.store.last_before
        assert await before(scene.stream, scene.at(0)) is None
        assert await before(scene.stream, scene.at(0) + 1) == scene.at(0)
        assert await before(scene.stream, scene.at(3)) == scene.at(2) - STEP_US
        assert await before(scene.stream, scene.at(4)) == scene.at(2) - STEP_US
        assert await before(scene.stream, scene.at(9)) == scene.at(6) - STEP_US

    async def test_late_rows_are_seen_by_a_read_of_their_range(self, scene: Scene) -> None:
        await scene.append(0, 2)
        await scene.append(4, 6)
        await scene.insert(2, 3)
        runs, ends_in_gap = await read_runs(scene.store, scene.stream, scene.run(2, 3))
        assert runs[0].tobytes() == scene.rows(2, 3).tobytes()
        assert not ends_in_gap


def extreme_rows(layout: Layout) -> Rows:
    """Give rows with the smallest, largest and least regular values of a datatype."""
    kind = np.dtype(layout.datatype)
    if kind.kind == "i":
        limits = np.iinfo(kind)
        values: list[float] = [limits.min, limits.max, 0, 1, -1, limits.max - 1, limits.min + 1]
    else:
        span = np.finfo(kind)
        values = [float(v) for v in (span.min, span.max, span.tiny, span.eps, -0.0, 1 / 3, 0.1)]
        values = [value / 4 for value in values]  # the sum of a group must stay finite
    rows = np.zeros(len(values), dtype=layout.dtype)
    rows["timestamp"] = np.arange(len(values)) * 1_000_000 + 1_700_000_000_000_001
    rows["data"] = np.array(values, dtype=kind)[:, None]
    return rows
