from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.models.decimation import Groups, concat, reduce
from joule.models.layout import Layout
from joule.storage.embedded.packing import Packer, packed_starts
from joule.testing.engine_contract.checks import make_rows

ROWS = make_rows(Layout("int32", 2), np.arange(2000) * 3)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=50), st.sampled_from([1, 16, 64, 256]))
def test_each_group_takes_in_what_fits(counts: list[int], level: int) -> None:
    counts = [min(count, level) for count in counts]
    expected, room = [], 0
    for index, count in enumerate(counts):
        if count > room:
            expected.append(index)
            room = level
        room -= count
    assert packed_starts(np.array(counts), level).tolist() == expected


@given(st.lists(st.integers(0, 1999), max_size=12), st.sampled_from([1, 4, 64, 256, 1024]))
def test_rows_pushed_in_parts_are_grouped_as_in_one(cuts: list[int], level: int) -> None:
    packer = Packer(level)
    edges = sorted({0, *cuts, 2000})
    parts = [packer.push_rows(ROWS[a:b]) for a, b in pairwise(edges)]
    check([*parts, packer.flush()], reduce(ROWS, level))


def check(parts: list[Groups | None], expected: Groups) -> None:
    found = concat([part for part in parts if part is not None])
    for name in ("count", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    assert (np.abs(found.timestamp - expected.timestamp) <= 1).all()


def test_short_groups_between_are_filled_up() -> None:
    packer = Packer(256)
    parts = [packer.push(reduce(ROWS[a : a + 100], 64)) for a in range(0, 2000, 100)]
    found = concat([part for part in [*parts, packer.flush()] if part is not None])
    assert found.count.sum() == 2000
    assert found.count.max() <= 256
    assert len(found) <= 10


def test_nothing_pushed_gives_nothing() -> None:
    packer = Packer(64)
    assert packer.push_rows(ROWS[:0]) is None
    assert packer.flush() is None


@pytest.mark.parametrize("count", [63, 64])
def test_a_group_is_given_when_it_is_full(count: int) -> None:
    packer = Packer(64)
    assert (packer.push_rows(ROWS[:count]) is None) == (count < 64)
