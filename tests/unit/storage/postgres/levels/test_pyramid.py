from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.models.layout import Layout, Rows
from joule.storage.postgres.levels.pyramid import Waiting, grow, saturated, to_groups
from joule.storage.stretch import Stretch
from joule.testing.engine_contract.checks import make_rows
from tests.unit.storage.postgres.level_kit import Group, levels_by_hand

LAYOUTS = [Layout("float64", 1), Layout("int16", 3), Layout("int64", 2)]


def pushed(rows: Rows, breaks: list[int], pieces: list[int], layout: Layout) -> list[list[Group]]:
    """Give the groups of all levels, made from pieces that end at these indices."""
    levels: list[list[Group]] = []
    waiting: Waiting = ()
    edges = [0, *pieces, len(rows)]
    for start, end in pairwise(edges):
        inside = np.array([b - start for b in breaks if start <= b < end], dtype=np.intp)
        groups, waiting = grow(Stretch(rows[start:end], inside), waiting, layout)
        for number, found in enumerate(groups):
            levels += [[]] * (number + 1 - len(levels))
            levels[number] = levels[number] + [_plain(row, layout.width) for row in found]
        assert all(len(left_over) < 4 for left_over in waiting)
    return [level for level in levels if level]


def _plain(row: np.void, width: int) -> Group:
    values = row["data"].astype("f8").tolist()
    return (int(row["timestamp"]), values[:width], values[width : 2 * width], values[2 * width :])


@given(
    st.sampled_from(LAYOUTS),
    st.lists(st.integers(1, 50), max_size=600),
    st.lists(st.integers(0, 600), max_size=5),
    st.lists(st.integers(0, 600), max_size=5),
)
def test_groups_are_those_made_by_hand_however_the_rows_come(
    layout: Layout, steps: list[int], breaks: list[int], pieces: list[int]
) -> None:
    rows = make_rows(layout, np.cumsum([-5000, *steps]))
    breaks = sorted({b for b in breaks if b < len(rows)})
    pieces = sorted({p for p in pieces if p < len(rows)})
    expected = levels_by_hand(np.split(rows, breaks))
    assert pushed(rows, breaks, pieces, layout) == [level for level in expected.values() if level]


def test_a_session_of_1005_rows_reaches_level_256_and_opens_1024() -> None:
    rows = make_rows(LAYOUTS[0], range(1005))
    groups, waiting = grow(Stretch(rows, np.empty(0, dtype=np.intp)), (), LAYOUTS[0])
    assert [len(level) for level in groups] == [251, 62, 15, 3, 0]
    assert [len(left_over) for left_over in waiting] == [1, 3, 2, 3, 3]


def test_times_at_the_ends_of_64_bits_do_not_overflow() -> None:
    rows = make_rows(LAYOUTS[0], [-(2**63), -(2**63) + 2, 2**63 - 4, 2**63 - 1])
    groups, _ = grow(Stretch(rows, np.empty(0, dtype=np.intp)), (), LAYOUTS[0])
    assert groups[0]["timestamp"].tolist() == [-1]


@pytest.mark.parametrize("datatype", ["int16", "int32", "int64"])
def test_integers_saturate(datatype: str) -> None:
    limits = np.iinfo(datatype)
    values = np.array([-np.inf, limits.min, -7, 8, limits.max, np.inf], dtype=np.float32)
    found = saturated(values, np.dtype(datatype))
    assert found.tolist() == [limits.min, limits.min, -7, 8, limits.max, limits.max]


def test_groups_of_a_level_have_the_datatype_of_the_stream() -> None:
    layout = Layout("int16", 2)
    rows = np.zeros(1, dtype=layout.decimated.dtype)
    rows["timestamp"], rows["data"] = 77, [1.5, 2.5, -3, -4, 40000, 6]
    groups = to_groups(rows, layout, 16)
    assert (groups.timestamp.tolist(), groups.count.tolist()) == ([77], [16])
    assert groups.mean.tolist() == [[1.5, 2.5]]
    assert groups.minimum.tolist() == [[-3, -4]]
    assert groups.maximum.tolist() == [[32767, 6]]
    assert groups.maximum.dtype == np.int16
