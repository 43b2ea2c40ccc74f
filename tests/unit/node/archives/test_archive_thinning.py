"""One row of so many."""

from __future__ import annotations

import numpy as np
import pytest

from joule.models.layout import Layout
from joule.node.archives.thinning import Thinner
from tests.unit.node.support import make_rows

INT = Layout("int32", 1)


def fed(thinner: Thinner, *blocks: tuple[list[int], bool]) -> list[tuple[list[int], bool]]:
    """Feed blocks of times and give the times that come out."""
    found = []
    for times, starts_interval in blocks:
        for rows, has_break in thinner.feed(make_rows(times), starts_interval=starts_interval):
            found.append((rows["timestamp"].tolist(), has_break))
    return found


def test_of_one_row_the_mean_is_itself() -> None:
    thinner = Thinner(1)
    assert fed(thinner, ([1, 2], False), ([5], True)) == [([1, 2], False), ([5], True)]
    assert thinner.next == 6


def test_rows_are_grouped_over_blocks_and_too_few_are_kept_back() -> None:
    thinner = Thinner(4)
    found = fed(thinner, ([0, 10, 20], False), ([30, 40, 50, 60, 70], False), ([80], False))
    assert found == [([15, 55], False)]
    assert thinner.next == 71


def test_the_end_of_an_interval_completes_a_group() -> None:
    thinner = Thinner(4)
    assert fed(thinner, ([0, 10], False), ([100], True), ([110, 120, 130], False)) == [
        ([5], False),
        ([115], True),
    ]
    assert thinner.next == 131


def test_a_break_without_rows_waits_for_the_next_ones() -> None:
    thinner = Thinner(2)
    assert fed(thinner, ([], True), ([1], False), ([2], False)) == [([1], True)]


@pytest.mark.parametrize(("datatype", "expected"), [("float32", 2.5), ("int16", 2.0)])
def test_values_are_means_in_the_datatype_of_the_stream(datatype: str, expected: float) -> None:
    rows = np.zeros(4, Layout(datatype, 2).dtype)
    rows["timestamp"] = [2**60 + i for i in range(4)]
    rows["data"] = [[1, 10], [2, 10], [3, 10], [4, 10]]
    ((means, _),) = Thinner(4).feed(rows, starts_interval=False)
    assert means.dtype == rows.dtype
    assert means["timestamp"].tolist() == [2**60 + 1]
    assert means["data"].tolist() == [[expected, 10]]


@pytest.mark.parametrize(
    ("datatype", "values", "expected"),
    [
        ("int64", [2**63 - 1] * 4, 2**63 - 1),
        ("int64", [-(2**63)] * 4, -(2**63)),
        ("int64", [2**60 + 1, 2**60 + 1, 2**60 + 3, 2**60 + 3], 2**60 + 2),
        ("int64", [-(2**63), -(2**63), 2**63 - 1, 2**63 - 1], 0),
        ("int64", [-8, -1, -1, -1], -3),
        ("uint64", [2**64 - 1] * 4, 2**64 - 1),
        ("int16", [-(2**15), -(2**15), 2**15 - 1, 2**15 - 1], 0),
        ("uint8", [255, 255, 255, 254], 255),
        ("float64", [1.7e308] * 4, 1.7e308),
        ("float32", [0, 1, 2, 3], 1.5),
    ],
)
def test_means_of_extremes_are_not_beyond_them(
    datatype: str, values: list[float], expected: float
) -> None:
    rows = np.zeros(4, Layout(datatype, 1).dtype)
    rows["timestamp"] = range(4)
    rows["data"][:, 0] = values
    ((means, _),) = Thinner(4).feed(rows, starts_interval=False)
    assert means["data"].tolist() == [[expected]]
