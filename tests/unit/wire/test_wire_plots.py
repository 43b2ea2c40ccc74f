from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from joule.models.layout import Layout
from joule.wire.plots import PlotEncoder

if TYPE_CHECKING:
    from joule.models.layout import Rows


class Block(NamedTuple):
    rows: Rows
    starts_interval: bool = False


def rows_of(layout: str, *rows: tuple[int, tuple[float, ...]]) -> Rows:
    return np.array(list(rows), dtype=Layout.parse(layout).dtype)


def plot(*blocks: Block) -> Any:
    encoder = PlotEncoder()
    text = "".join([encoder.encode(block) for block in blocks])
    return json.loads(f"[{text}{encoder.finish()}]", parse_constant=lambda _: 1 / 0)


def test_blocks_of_one_interval_are_one_list() -> None:
    one = rows_of("float64_2", (1, (1.5, 2.5)))
    two = rows_of("float64_2", (2, (3.5, 4.5)))
    assert plot(Block(one), Block(two)) == [[[1.0, 1.5, 2.5], [2.0, 3.5, 4.5]]]


def test_a_break_starts_another_list() -> None:
    one = rows_of("int16_1", (1, (7,)))
    two = rows_of("int16_1", (2, (8,)))
    assert plot(Block(one), Block(two, True)) == [[[1, 7]], [[2, 8]]]


def test_breaks_around_no_rows_leave_no_empty_list() -> None:
    none = rows_of("int16_1")
    one = rows_of("int16_1", (1, (7,)))
    assert plot(Block(none, True), Block(one, True), Block(none, True)) == [[[1, 7]]]


def test_integer_streams_have_integer_timestamps_and_float_streams_floats() -> None:
    encoder = PlotEncoder()
    assert encoder.encode(Block(rows_of("int64_1", (1551730769556442, (2**60,))))) == (
        "[[1551730769556442,1152921504606846976]"
    )
    encoder = PlotEncoder()
    assert encoder.encode(Block(rows_of("float32_1", (1551730769556442, (0.1,))))) == (
        "[[1551730769556442.0,0.10000000149011612]"
    )


def test_a_row_that_is_not_finite_is_left_out_and_splits_its_interval() -> None:
    rows = rows_of("float64_2", (1, (1, 1)), (2, (np.nan, 1)), (3, (1, 1)), (4, (1, np.inf)))
    assert plot(Block(rows)) == [[[1.0, 1.0, 1.0]], [[3.0, 1.0, 1.0]]]


def test_no_rows_at_all_are_empty() -> None:
    encoder = PlotEncoder()
    encoder.encode(Block(rows_of("float64_1", (1, (np.nan,)))))
    assert encoder.empty
    assert encoder.finish() == ""
