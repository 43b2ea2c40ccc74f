"""Rows of a source as they end up in a stream."""

from __future__ import annotations

from typing import Any

import pytest

from joule.client.sources.complaints import Complaints
from joule.client.sources.retry import Delays
from joule.client.sources.row_writer import RowWriter
from joule.client.sources.source import Row
from joule.client.terminal_pipe import TerminalPipe
from joule.models.pipes import LocalPipe
from tests.unit.client.support import intervals_in

NOW = 1_700_000_000_000_000


async def written(layout: str, *blocks: list[Row], gap_us: int = 100, now: int = NOW) -> Any:
    output = LocalPipe(layout)
    writer = RowWriter(output, gap_us, Complaints(), lambda: now)
    for block in blocks:
        await writer.write(block)
    return [
        list(zip(rows["timestamp"].tolist(), rows["data"].tolist(), strict=True))
        for rows in await intervals_in(output)
    ]


async def test_rows_without_a_time_get_that_of_arrival_and_rise() -> None:
    assert await written("float32_1", [Row([1]), Row([2])], [Row([3])]) == [
        [(NOW, [1]), (NOW + 1, [2]), (NOW + 2, [3])]
    ]


async def test_an_interval_ends_where_rows_are_further_apart_than_the_gap() -> None:
    rows = [Row([n], time) for n, time in enumerate((10, 110, 211, 250))]
    expected = [[(10, [0]), (110, [1])], [(211, [2]), (250, [3])]]
    assert await written("int16_1", rows) == expected
    assert await written("int16_1", *([row] for row in rows)) == expected


async def test_a_row_that_is_not_later_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    rows = [Row([n], time) for n, time in enumerate((10, 10, 9, 11))]
    assert await written("int16_1", rows) == [[(10, [0]), (11, [3])]]
    assert "its time [10] is not after [10]" in caplog.text


@pytest.mark.parametrize(
    ("layout", "value"),
    [
        ("float32_1", float("nan")),
        ("float64_1", float("inf")),
        ("float32_1", 1e300),
        ("int16_1", 40_000),
        ("int64_1", float("nan")),
        ("int32_1", float("-inf")),
        ("int64_1", 2**63),
    ],
)
async def test_a_value_that_does_not_fit_costs_its_row(
    layout: str, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [Row([1], 1), Row([value], 2), Row([3], 3)]
    assert await written(layout, rows) == [[(1, [1]), (3, [3])]]
    assert "does not fit" in caplog.text


async def test_integers_are_rounded_and_large_ones_exact() -> None:
    rows = [Row([1.6, 2**60 + 1], 1)]
    assert await written("int64_2", rows) == [[(1, [2, 2**60 + 1])]]


async def test_a_terminal_is_written_too(capsys: pytest.CaptureFixture[str]) -> None:
    writer = RowWriter(TerminalPipe(), 100, Complaints(), lambda: NOW)
    await writer.write([Row([1, 2.5]), Row([3, 4], NOW + 1000)])
    out, err = capsys.readouterr()
    assert out == f"{NOW} 1.0 2.5\n{NOW + 1000} 3.0 4.0\n"
    assert err == "--- interval gap ---\n"


def test_delays_double_up_to_the_longest_and_begin_anew() -> None:
    delays = Delays(1, 5)
    assert [delays.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    delays.reset()
    assert delays.next() == 1


def test_a_complaint_is_made_once_a_minute_with_the_number_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = 0.0
    complaints = Complaints(lambda: now_s)
    for now_s in (0.0, 1.0, 59.0, 60.0, 61.0):
        complaints.warn("%s is bad", now_s)
    complaints.warn("another kind")
    assert [record.getMessage() for record in caplog.records] == [
        "0.0 is bad",
        "60.0 is bad (and 2 times since it was said last)",
        "another kind",
    ]
