from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from joule.errors import (
    DuplicateTimestampError,
    StorageError,
)
from joule.models.intervals import Interval
from joule.testing.clock import settle
from tests.unit.node.support import make_rows, runs_of, write_session

if TYPE_CHECKING:
    from joule.models.streams import DataStream
    from joule.node import LocalNode
    from tests.unit.node.support import ChosenEngine


# ------------------------------------------------------------------ intervals in order


async def test_each_session_starts_a_new_interval(node: LocalNode, stream: DataStream) -> None:
    await write_session(node, stream, [1, 2], [3])
    await write_session(node, stream, [4], [5])
    assert await runs_of(node, stream) == [(1, 3), (4, 5)]


async def test_the_end_of_an_interval_is_a_break_and_none_without_rows_before_it(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [], [1], [], [], [2, 3], [])
    assert await runs_of(node, stream) == [(1, 1), (2, 3)]


@pytest.mark.parametrize(("first", "gap", "joins"), [
    (2, 0, False),
    (3, 1, True),
    (4, 1, False),
    (2, 1, True),
    (12, 10, True),
    (13, 10, False),
])  # fmt: skip
async def test_a_session_within_the_merge_gap_joins_the_interval_before(
    node: LocalNode, stream: DataStream, first: int, gap: int, joins: bool
) -> None:
    await write_session(node, stream, [1])
    await write_session(node, stream, [first], gap=gap)
    assert (len(await runs_of(node, stream)) == 1) is joins


async def test_the_merge_gap_joins_only_the_first_rows_of_a_session(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [1])
    await write_session(node, stream, [], [2], [], [3], gap=100)
    assert await runs_of(node, stream) == [(1, 2), (3, 3)]


# ------------------------------------------------------------------ late rows


async def test_late_rows_in_a_gap_become_an_interval_of_their_own(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 11], [], [50, 51])
    await write_session(node, stream, [20], [21, 22], [23])
    assert await runs_of(node, stream) == [(10, 11), (20, 23), (50, 51)]


async def test_late_rows_inside_an_interval_split_it(node: LocalNode, stream: DataStream) -> None:
    await write_session(node, stream, [10, 20, 30, 40])
    await write_session(node, stream, [22, 24])
    assert await runs_of(node, stream) == [(10, 20), (22, 24), (30, 40)]


async def test_late_rows_before_all_others_are_an_interval_of_their_own(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10])
    await write_session(node, stream, [1, 2], [3])
    assert await runs_of(node, stream) == [(1, 3), (10, 10)]


async def test_late_rows_within_the_merge_gap_join_the_interval_before(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10], [], [50])
    await write_session(node, stream, [15, 16], [17], gap=5)
    assert await runs_of(node, stream) == [(10, 17), (50, 50)]


async def test_a_session_may_pass_over_stored_rows_with_breaks_on_both_sides(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 11])
    await write_session(node, stream, [5], [20], [21])
    assert await runs_of(node, stream) == [(5, 5), (10, 11), (20, 21)]


async def test_one_block_may_hold_late_rows_and_rows_in_order(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 20])
    await write_session(node, stream, [15, 30, 31], [32])
    assert await runs_of(node, stream) == [(10, 10), (15, 15), (20, 20), (30, 32)]


async def test_a_break_within_late_rows_is_kept(node: LocalNode, stream: DataStream) -> None:
    await write_session(node, stream, [100])
    await write_session(node, stream, [1], [], [2], [3], [])
    assert await runs_of(node, stream) == [(1, 1), (2, 3), (100, 100)]


async def test_a_timestamp_that_is_stored_is_refused_by_name_and_the_writer_goes_on(
    node: LocalNode, stream: DataStream
) -> None:
    await write_session(node, stream, [10, 20, 30])
    async with await node.data.open_writer(stream) as writer:
        with pytest.raises(DuplicateTimestampError, match=r"20.* already exists"):
            await writer.write(make_rows([15, 20, 40]))
        await writer.write(make_rows([16]))
    assert await runs_of(node, stream) == [(10, 10), (16, 16), (20, 30)]


async def test_after_a_deletion_the_range_can_be_written_again_in_order(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    await write_session(node, stream, [1, 2, 3, 4])
    async with await node.data.open_writer(stream) as writer:
        await node.data.delete(stream, Interval(2, 10))
        await writer.write(make_rows([2, 3]))
        assert engine.chosen.pending_bytes > 0, "these are in order now"
    assert await runs_of(node, stream) == [(1, 1), (2, 3)]


async def test_rows_written_while_the_last_ones_are_deleted_are_not_joined_to_what_is_left(
    node: LocalNode, stream: DataStream, engine: ChosenEngine
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        engine.chosen.deleted.clear()
        deleting = asyncio.ensure_future(node.data.delete(stream, Interval(2, 3)))
        await settle()
        await writer.write(make_rows([3]))
        await writer.write(make_rows([4]))
        engine.chosen.deleted.set()
        await deleting
        await writer.write(make_rows([5]))
    assert await runs_of(node, stream) == [(1, 1), (3, 5)]


async def test_a_write_and_a_deletion_at_the_same_time_agree_on_the_last_row(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        deleting = asyncio.ensure_future(node.data.delete(stream, Interval(2, 3)))
        for time in range(3, 9):
            await writer.write(make_rows([time]))
            await asyncio.sleep(0)
        await deleting
    assert await runs_of(node, stream) == [(1, 1), (3, 8)]


async def test_a_deletion_that_fails_leaves_no_break(
    node: LocalNode, stream: DataStream, engine: ChosenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> int:
        raise StorageError("disk gone")

    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        monkeypatch.setattr(engine.chosen, "delete", fail)
        with pytest.raises(StorageError):
            await node.data.delete(stream, Interval(2, 3))
        await writer.write(make_rows([3]))
    assert await runs_of(node, stream) == [(1, 3)]


async def test_rows_are_readable_as_soon_as_write_returns(
    node: LocalNode, stream: DataStream
) -> None:
    async with await node.data.open_writer(stream) as writer:
        await writer.write(make_rows([1, 2]))
        assert (await node.data.info(stream)).rows == 2
