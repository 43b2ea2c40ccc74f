from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.errors import StorageDamagedError, StorageFormatError
from joule.models.intervals import ALL_TIME, MAX_TIME, Interval
from joule.models.layout import Layout
from joule.storage.postgres.connection.times import FIRST_US, encode_time
from joule.storage.postgres.rows import compressed_copies
from joule.storage.postgres.rows.compressed_copies import (
    are_in,
    decode,
    encode,
    grouped,
    rows_per_copy,
    rows_worth,
)
from joule.storage.postgres.tables.sample_tables import COLUMN_TYPES
from joule.testing.engine_contract.checks import make_rows
from joule.testing.strategies import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.storage.postgres.tables.compressed_table import Copy

LAYOUT = Layout("int16", 1)
TIMES = range(0, 1000, 10)

times_of_rows = st.sets(st.integers(-100, 100), min_size=1, max_size=45).map(sorted)
layouts = st.builds(Layout, st.sampled_from(sorted(COLUMN_TYPES)), st.integers(1, 3))


@pytest.fixture(autouse=True)
def _small_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_copies, "COPY_BYTES", 100)  # ten rows of one int16


def records(copies: Sequence[Copy]) -> list[list[memoryview]]:
    """Give copies as the server does."""
    return [
        [memoryview(field) for field in (encode_time(start), encode_time(end), data)]
        for (start, end), _, data in copies
    ]


def overlapping(copies: Sequence[Copy], interval: Interval) -> list[Copy]:
    return [copy for copy in copies if copy.interval.clip(interval)]


# ------------------------------------------------------------------ into copies and back


@given(times_of_rows, layouts, st.integers(0, 20))
def test_copies_are_of_all_rows_one_behind_the_other(
    times: list[int], layout: Layout, before: int
) -> None:
    rows = make_rows(layout, times)
    copies = encode(rows, times[0] - before)
    position = times[0] - before
    for (start, end), count, _ in copies:
        assert start == position
        inside = [time for time in times if start <= time < end]
        assert (count, end) == (len(inside), inside[-1] + 1)
        position = end
    assert position == times[-1] + 1
    full = rows_per_copy(rows.itemsize)
    assert {copy.rows for copy in copies[:-1]} <= {full}
    assert 0 < copies[-1].rows <= full


@given(times_of_rows, layouts, bounds(-110, 110))
def test_the_rows_of_any_range_come_back(
    times: list[int], layout: Layout, interval: Interval
) -> None:
    rows = make_rows(layout, times)
    copies = encode(rows, -110)
    found = decode(records(overlapping(copies, interval)), interval, layout)
    if interval.end > copies[-1].interval.end:
        assert found is None
    else:
        assert found is not None
        inside = [time in interval for time in times]
        assert found.tobytes() == rows[inside].tobytes()


@given(times_of_rows, bounds(-110, 110), st.sets(st.integers(0, 4), min_size=1))
def test_a_range_that_is_not_covered_gives_nothing(
    times: list[int], interval: Interval, missing: set[int]
) -> None:
    rows = make_rows(LAYOUT, times)
    copies = encode(rows, -110)
    left = [copy for number, copy in enumerate(copies) if number not in missing]
    found = decode(records(overlapping(left, interval)), interval, LAYOUT)
    is_covered = overlapping(left, interval) == overlapping(copies, interval)
    assert (found is not None) == (is_covered and interval.end <= copies[-1].interval.end)


def test_no_copies_cover_nothing() -> None:
    assert encode(LAYOUT.empty(), 0) == []
    assert decode([], Interval(5, 6), LAYOUT) is None


def test_a_range_of_copies_may_hold_no_row() -> None:
    copies = encode(make_rows(LAYOUT, [0, 500]), 0)
    found = decode(records(copies), Interval(100, 400), LAYOUT)
    assert found is not None
    assert found.dtype == LAYOUT.dtype
    assert len(found) == 0


def test_the_first_and_the_last_time_can_be_copied() -> None:
    rows = make_rows(LAYOUT, [FIRST_US, *range(20), MAX_TIME - 1])
    copies = encode(rows, FIRST_US)
    assert copies[-1].interval.end == MAX_TIME
    whole = Interval(FIRST_US, MAX_TIME)
    found = decode(records(copies), whole, LAYOUT)
    assert found is not None
    assert found.tobytes() == rows.tobytes()
    assert decode(records(copies), ALL_TIME, LAYOUT) is None


def test_a_row_larger_than_a_copy_has_one_of_its_own() -> None:
    layout = Layout("float64", 200)
    copies = encode(make_rows(layout, [1, 2, 3]), 1)
    assert [copy.interval for copy in copies] == [(1, 2), (2, 3), (3, 4)]
    assert rows_worth(layout.row_bytes) == 1


def test_half_a_copy_is_worth_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (rows_per_copy(10), rows_worth(10)) == (10, 5)
    assert (rows_per_copy(30), rows_worth(30)) == (3, 2)
    monkeypatch.setattr(compressed_copies, "SHARE_WORTH", 2)
    assert rows_worth(10) == 20


# ------------------------------------------------------------------ damage


@pytest.mark.parametrize("count", [10, 100])
@pytest.mark.parametrize("place", [0, 4, 8, 12, 20, -1])
def test_changed_data_is_noticed(monkeypatch: pytest.MonkeyPatch, count: int, place: int) -> None:
    monkeypatch.setattr(compressed_copies, "COPY_BYTES", 10 * count)
    (copy,) = encode(make_rows(LAYOUT, TIMES)[:count], 0)
    data = bytearray(copy.data)
    data[place] ^= 1
    with pytest.raises(StorageDamagedError):
        decode(records([copy._replace(data=bytes(data))]), Interval(0, 5), LAYOUT)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 50])
def test_data_that_ends_too_soon_is_noticed(size: int) -> None:
    copy = encode(make_rows(LAYOUT, TIMES), 0)[0]
    with pytest.raises(StorageDamagedError):
        decode(records([copy._replace(data=copy.data[:size])]), Interval(0, 5), LAYOUT)


def test_data_of_another_layout_is_noticed() -> None:
    copies = encode(make_rows(LAYOUT, TIMES), 0)
    with pytest.raises(StorageDamagedError, match="the layout has 12"):
        decode(records(copies), Interval(0, 5), Layout("int16", 2))


def test_data_of_a_newer_version_is_told_from_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("joule.storage.codec.PLAIN", 77)
        (copy,) = encode(make_rows(LAYOUT, [1, 2]), 0)
    with pytest.raises(StorageFormatError, match="encoding 77"):
        decode(records([copy]), Interval(0, 2), LAYOUT)


# ------------------------------------------------------------------ what is read at once


def as_bounds(ranges: Sequence[Interval]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(ranges, np.int64).reshape(-1, 2)


@pytest.mark.parametrize(
    ("rows_max", "groups"),
    [
        (1, [(0, 10), (10, 20), (20, 25), (30, 40), (40, 50)]),
        (19, [(0, 10), (10, 20), (20, 25), (30, 40), (40, 50)]),
        (20, [(0, 20), (20, 25), (30, 50)]),
        (30, [(0, 25), (30, 50)]),
        (1000, [(0, 25), (30, 50)]),
    ],
)
def test_copies_without_a_hole_are_read_at_once_up_to_a_page(
    rows_max: int, groups: list[tuple[int, int]]
) -> None:
    copies = [Interval(*each) for each in ((0, 10), (10, 20), (20, 25), (30, 40), (40, 50))]
    assert grouped(as_bounds(copies), rows_max, LAYOUT.row_bytes) == groups


@given(
    st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 5]), st.integers(1, 9)), max_size=30),
    st.integers(1, 60),
)
def test_groups_are_runs_of_copies_in_order(steps: list[tuple[int, int]], rows_max: int) -> None:
    copies, position = [], -50
    for hole, length in steps:
        copies.append(Interval(position + hole, position + hole + length))
        position = copies[-1].end
    size = max(rows_max // 10, 1)
    expected: list[list[Interval]] = []
    for copy in copies:
        if expected and expected[-1][-1].end == copy.start and len(expected[-1]) < size:
            expected[-1].append(copy)
        else:
            expected.append([copy])
    found = grouped(as_bounds(copies), rows_max, LAYOUT.row_bytes)
    assert found == [(group[0].start, group[-1].end) for group in expected]
    for time in range(-52, position + 2):
        assert are_in(found, time) == any(time in copy for copy in copies)


def test_no_time_is_in_no_range() -> None:
    assert grouped(as_bounds([]), 100, 10) == []
    assert not are_in([], 5)
