from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.models.decimation import reduce, reduce_at
from joule.models.layout import Layout
from joule.storage.packing import Packer
from joule.storage.stretch import NO_BREAKS, Stretch
from joule.storage.summary import Summary, joined
from joule.testing.engine_contract.checks import make_rows

if TYPE_CHECKING:
    from joule.models.decimation import Groups

ROWS = make_rows(Layout("int32", 2), np.arange(2000) * 3)


@given(
    st.lists(st.lists(st.integers(1, 256), min_size=1, max_size=9), min_size=1, max_size=9),
    st.sets(st.integers(0, 80)),
    st.sampled_from([1, 16, 64, 256]),
)
def test_there_are_no_more_groups_than_there_are_lines(
    parts: list[list[int]], breaks: set[int], level: int
) -> None:
    packer, counts = Packer(level), [min(count, level) for part in parts for count in part]
    inside = sorted(index for index in breaks if index < len(counts))
    expected, rows = list[list[int]](), 0
    for index, count in enumerate(counts):
        if index in inside or not expected:
            expected.append([])
            rows = 0
        begins = rows == 0 or rows // level > (rows - counts[index - 1]) // level
        rows += count
        if begins:
            expected[-1].append(count)
        else:
            expected[-1][-1] += count
    given = summary_of(counts, inside)
    edges = [0, *accumulate(map(len, parts))]
    found = [packer.push(given.part(a, b)) for a, b in pairwise(edges)]
    packed = joined([part for part in [*found, packer.flush()] if part is not None])
    assert [groups.count.tolist() for groups, _ in packed.runs()] == expected
    for run in expected:
        assert len(run) <= -(-sum(run) // level)
        assert max(run) < 2 * level


def summary_of(counts: list[int], breaks: list[int]) -> Summary:
    """Groups of so many rows each."""
    rows = make_rows(Layout("int32", 2), np.arange(sum(counts)))
    starts = np.cumsum([0, *counts[:-1]])
    return Summary(reduce_at(rows, starts), np.array(breaks, dtype=np.intp))


@given(
    st.lists(st.integers(0, 1999), max_size=12),
    st.sets(st.integers(0, 1999), max_size=8),
    st.sampled_from([1, 4, 64, 256, 1024]),
)
def test_rows_pushed_in_parts_are_grouped_as_in_one(
    cuts: list[int], breaks: set[int], level: int
) -> None:
    packer = Packer(level)
    whole = Stretch(ROWS, np.array(sorted(breaks), dtype=np.intp))
    parts = [packer.push_rows(whole.part(a, b)) for a, b in pairwise(sorted({0, *cuts, 2000}))]
    found = [part for part in [*parts, packer.flush()] if part is not None]
    check(joined(found), [(reduce(run.rows, level), run.starts_interval) for run in whole.runs()])


def check(found: Summary, expected: list[tuple[Groups, bool]]) -> None:
    runs = list(found.runs())
    assert [flag for _, flag in runs] == [flag for _, flag in expected]
    for (left, _), (right, _) in zip(runs, expected, strict=True):
        for name in ("count", "minimum", "maximum"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        np.testing.assert_allclose(left.mean, right.mean, rtol=1e-12)
        assert (np.abs(left.timestamp - right.timestamp) <= 1).all()


def test_short_groups_between_are_filled_up() -> None:
    packer = Packer(256)
    parts = [packer.push(Summary(reduce(ROWS[a : a + 100], 64))) for a in range(0, 2000, 100)]
    found = joined([part for part in [*parts, packer.flush()] if part is not None]).groups
    assert found.count.sum() == 2000
    assert found.count.max() < 2 * 256
    assert len(found) <= 8


def test_nothing_pushed_gives_nothing() -> None:
    packer = Packer(64)
    assert packer.push_rows(Stretch(ROWS[:0], NO_BREAKS)) is None
    assert packer.flush() is None


@pytest.mark.parametrize("count", [63, 64])
def test_a_group_is_given_when_it_is_full(count: int) -> None:
    packer = Packer(64)
    assert (packer.push_rows(Stretch(ROWS[:count], NO_BREAKS)) is None) == (count < 64)
