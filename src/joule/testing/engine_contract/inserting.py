"""How late rows come in: merged between, before or behind others."""

# ruff: noqa: D102 - the name of a test is its description

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from joule.errors import DuplicateTimestampError
from joule.testing.engine_contract.checks import (
    assert_runs_equal,
    check_stream,
    read_runs,
)
from joule.testing.engine_contract.scene import STEP_US

if TYPE_CHECKING:
    from joule.testing.engine_contract.scene import Scene


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

    async def test_late_rows_bridge_the_break_they_fall_into(self, scene: Scene) -> None:
        rows = scene.rows(0, 8)
        late = np.arange(1, len(rows) - 1, 2)
        end = int(late[-1]) + 1
        old = np.delete(rows, late)
        half = len(old) // 2
        scene.store.append(scene.stream, old[:half].copy())
        scene.store.append(scene.stream, old[half:].copy(), starts_interval=True)
        await scene.settle()
        await scene.store.insert(scene.stream, rows[late], starts_interval=True, ends_interval=True)
        await check_stream(scene.store, scene.stream, [rows[:1], rows[1:end], rows[end:]])

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
        assert_runs_equal(runs, [scene.rows(2, 3)])
        assert not ends_in_gap
