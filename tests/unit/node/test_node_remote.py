"""Rows on their way to another node: what is kept, sent again and let go."""

from __future__ import annotations

import numpy as np

from joule.models.layout import Layout, Rows
from joule.node.remote.waiting import ENTRY_BYTES, WaitingRows

LAYOUT = Layout("int32", 1)


def make(first: int, count: int) -> Rows:
    rows = np.zeros(count, LAYOUT.dtype)
    rows["timestamp"] = np.arange(first, first + count)
    return rows


def unsent(waiting: WaitingRows) -> list[tuple[list[int], bool]]:
    return [(rows["timestamp"].tolist(), breaks) for rows, breaks in waiting.unsent()]


def test_rows_are_sent_once_until_sending_begins_anew() -> None:
    waiting = WaitingRows(print, "x")
    waiting.add(make(1, 2))
    assert unsent(waiting) == [([1, 2], False)]
    waiting.end_interval()
    waiting.add(make(3, 1))
    assert unsent(waiting) == [([3], True)]
    waiting.begin(None)
    assert unsent(waiting) == [([1, 2], False), ([3], True)]


def test_what_is_stored_is_not_sent_again_and_its_rest_belongs_to_it() -> None:
    waiting = WaitingRows(print, "x")
    waiting.add(make(1, 10))
    list(waiting.unsent())
    waiting.begin(4)
    assert (waiting.count, waiting.gap_us(4)) == (6, 1)
    assert unsent(waiting) == [([5, 6, 7, 8, 9, 10], False)]
    waiting.confirm(10)
    assert waiting.count == 0


def test_rows_that_were_never_sent_are_not_taken_for_stored() -> None:
    waiting = WaitingRows(print, "x")
    waiting.add(make(1, 3))
    waiting.begin(99)
    assert (waiting.count, waiting.gap_us(99)) == (3, 0)


def test_an_interval_that_begins_with_the_first_row_is_not_joined() -> None:
    waiting = WaitingRows(print, "x")
    waiting.add(make(1, 1))
    waiting.end_interval()
    waiting.add(make(5, 1))
    list(waiting.unsent())
    waiting.begin(1)
    assert waiting.gap_us(1) == 0


def test_a_break_after_rows_that_are_stored_is_sent() -> None:
    waiting = WaitingRows(print, "x")
    waiting.add(make(1, 2))
    list(waiting.unsent())
    waiting.confirm(2)
    waiting.end_interval()
    waiting.add(make(3, 1))
    assert unsent(waiting) == [([3], True)]


def test_the_oldest_rows_give_way_with_a_break_and_one_line() -> None:
    said: list[str] = []
    waiting = WaitingRows(said.append, "x", bytes_max=2 * (5 * LAYOUT.row_bytes + ENTRY_BYTES))
    for first in range(0, 100, 5):
        waiting.add(make(first, 5))
    assert waiting.count == 10
    assert len(said) == 1
    list(waiting.unsent())
    waiting.begin(89)
    assert (waiting.count, waiting.gap_us(89)) == (10, 0)
