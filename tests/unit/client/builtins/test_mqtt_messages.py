"""Rows out of MQTT messages, without a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from joule.client.builtins.mqtt_reader.board import Board
from joule.client.builtins.mqtt_reader.messages import place_of, values_of
from joule.client.builtins.mqtt_reader.subscription import newest_only
from joule.client.sources import Complaints, parse_elements
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio


def test_a_complete_row_needs_a_new_value_of_each_element() -> None:
    board = Board(2, hold=False, age_s=10)
    assert board.update({0: 1}, 0) is None
    assert board.update({0: 2}, 1) is None
    assert board.update({1: 5}, 2) == [2, 5]
    assert board.update({1: 6}, 3) is None
    assert board.update({0: 3}, 4) == [3, 6]


def test_with_hold_each_change_makes_a_row_once_all_are_known() -> None:
    board = Board(2, hold=True, age_s=10)
    assert board.update({0: 1}, 0) is None
    assert board.update({1: 5}, 1) == [1, 5]
    assert board.update({1: 6}, 2) == [1, 6]
    assert board.update({}, 3) is None


@pytest.mark.parametrize("hold", [True, False])
def test_a_value_that_is_too_old_counts_as_none(hold: bool) -> None:
    board = Board(2, hold=hold, age_s=10)
    board.update({0: 1}, 0)
    assert board.update({1: 5}, 10.5) is None
    assert board.update({0: 2}, 11) == [2, 5]


def test_values_are_found_by_topic_and_path_and_bad_ones_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "a $.x scale=10\nb\na $.y\na $.missing\na $.z"
    places = [place_of(element) for element in parse_elements(text)]
    found = values_of(
        {"x": 1, "y": "high", "z": 3}, places, lambda place: place.topic == "a", Complaints()
    )
    assert found == {0: 10, 4: 3}
    assert "element [a $.y]: 'high' is not a number" in caplog.text
    assert "element [a $.missing]: the message has no such value" in caplog.text


@pytest.mark.parametrize("line", ["a $..x", "a $.x more"])
def test_a_bad_place_is_named(line: str) -> None:
    (element,) = parse_elements(line)
    with pytest.raises(ConfigurationError, match=r"element \[a "):
        place_of(element)


async def test_when_messages_wait_in_great_number_the_oldest_are_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue: asyncio.Queue[Any] = newest_only(Complaints())(2)
    for number in range(5):
        queue.put_nowait(number)
    assert [queue.get_nowait(), queue.get_nowait()] == [3, 4]
    assert caplog.text.count("the oldest are dropped") == 1
