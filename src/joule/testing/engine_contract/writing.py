"""How rows come in: appended and committed."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from joule.models.base import DATATYPES
from joule.models.intervals import ALL_TIME as ALL
from joule.models.intervals import MIN_TIME
from joule.models.layout import Layout
from joule.storage.interfaces import StreamRef
from joule.testing.engine_contract.checks import LEVELS, check_stream, make_rows

if TYPE_CHECKING:
    from joule.models.layout import Rows
    from joule.storage.interfaces import Engine
    from joule.testing.engine_contract.scene import Scene


class AppendContract:
    """Rows behind the last one.

    ``earliest`` is the first time an engine can keep, ``widest`` the most elements of float32,
    ``has_float32_groups`` says that it rounds minima and maxima to float32.
    """

    earliest: ClassVar[int] = MIN_TIME
    widest: ClassVar[int] = 8192
    has_float32_groups: ClassVar[bool] = False

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

    async def test_rows_go_on_through_commits_that_only_make_room(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("int32", 3))
        parts = np.array_split(make_rows(stream.layout, np.arange(400_000)), 5)
        for part in parts:
            engine.samples.append(stream, part)
            pending = engine.samples.pending_bytes
            await engine.samples.make_room()
            assert engine.samples.pending_bytes <= pending // 2
        await engine.samples.commit()
        assert engine.samples.pending_bytes == 0
        await check_stream(engine.samples, stream, [np.concatenate(parts)])

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
        await check_stream(engine.samples, stream, [rows], levels=LEVELS)
        await engine.samples.commit()
        await engine.maintain()
        levels = () if self.has_float32_groups and datatype == "float64" else LEVELS
        await check_stream(engine.samples, stream, [rows], levels=levels)

    async def test_a_row_may_be_thousands_of_elements_wide(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("float32", self.widest))
        rows = make_rows(stream.layout, range(0, 4000, 10))
        engine.samples.append(stream, rows[:20].copy())
        await engine.samples.commit()
        engine.samples.append(stream, rows[20:60].copy())
        await engine.samples.commit()
        await engine.maintain()
        await engine.samples.insert(stream, rows[60:], starts_interval=False, ends_interval=False)
        await check_stream(engine.samples, stream, [rows])

    async def test_timestamps_may_be_negative_and_extreme(self, engine: Engine) -> None:
        stream = StreamRef(1, Layout("int16", 1))
        first = self.earliest
        times = [first, first + 1, -(2**40), -1, 0, 1, 2**62, 2**63 - 2]
        rows = make_rows(stream.layout, times)
        engine.samples.append(stream, rows[:3])
        await engine.samples.commit()
        engine.samples.append(stream, rows[4:])
        await engine.samples.commit()
        await engine.samples.insert(stream, rows[3:4], starts_interval=False, ends_interval=False)
        await check_stream(engine.samples, stream, [rows], levels=())


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
