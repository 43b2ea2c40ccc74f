"""Lines of text and the values in them, without a port."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from joule.client import arguments
from joule.client.builtins.serial_reader import SerialReader
from joule.client.builtins.serial_reader.lines import Lines
from joule.client.builtins.serial_reader.serial_reader import line_format
from joule.client.sources import Complaints, Row, parse_elements
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from joule.client.builtins.serial_reader.line_format import LineFormat


def made(elements: str, *words: str) -> LineFormat:
    args = arguments.parse(list(words), SerialReader().custom_args)
    return line_format(args, parse_elements(elements))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_are_whole_however_they_arrive_and_the_first_is_left_out(size: int) -> None:
    data = b"7\r\n1,2\r\n\r\n3,4\n5,6\r7,8"
    lines = Lines(Complaints())
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert [line for piece in pieces for line in lines.push(piece)] == ["1,2", "3,4", "5,6"]


def test_a_line_without_an_end_does_not_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    lines = Lines(Complaints())
    lines.push(b"\n")
    for _ in range(100):
        assert lines.push(b"x" * 4096) == []
        assert len(lines._rest) <= 1 << 16
    assert lines.push(b"rest\nwhole\n") == ["whole"]
    assert "a line without an end" in caplog.text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "1, 2;3"),
        ((), " 1 2\t3 "),
        (("--separator", "|"), "1| 2 |3"),
        (("--pattern", r"A=(\S+) B=(\S+) C=(?P<c>\S+)"), "> A=1 B=2 C=3 ok"),
    ],
)
def test_values_are_columns_or_groups(words: tuple[str, ...], line: str) -> None:
    assert made("3\n1 scale=10", *words).row(line) == Row([3, 10])


def test_groups_have_names_and_a_line_may_have_its_time() -> None:
    pattern = r"(?P<when>\S+) (?P<value>\S+)"
    given = made("value", "--pattern", pattern, "--timestamp", "when", "--timestamp-unit", "ms")
    assert given.row("1700000000123 5") == Row([5], 1_700_000_000_123_000)


@pytest.mark.parametrize(
    ("elements", "words", "line", "fault"),
    [
        ("3", (), "1,2", "there is no column 3"),
        ("1", (), "x,2", "'x' is not a number"),
        ("1", ("--pattern", "v=(.)"), "w=1", "does not match the pattern"),
        ("1", ("--timestamp", "2"), "1,soon", "'soon' is not a time"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(
    elements: str, words: Any, line: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        made(elements, *words).row(line)


@pytest.mark.parametrize(
    ("elements", "words", "fault"),
    [
        ("0", (), "[0] is not the number of a column"),
        ("1 2", (), "element [1 2]: give the number of a column"),
        ("2", ("--pattern", "(.)"), "the pattern has no group [2]"),
        ("1", ("--pattern", "("), "pattern [(]"),
        ("1", ("--pattern", "(.)", "--separator", ","), "not both"),
        ("1", ("--timestamp", "x"), "timestamp: [x] is not the number"),
        ("1", ("--timestamp-unit", "h"), "timestamp_unit must be one of [s, ms, us]"),
    ],
)
def test_a_bad_format_is_refused_clearly(elements: str, words: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(fault)):
        made(elements, *words)
