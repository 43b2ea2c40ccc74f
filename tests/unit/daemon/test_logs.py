from __future__ import annotations

import logging
import re

import pytest

from joule.daemon.logs import RepeatFilter, echo_module_line, start_logging


def shown(*messages: tuple[float, str]) -> list[str]:
    """What a filter lets through of messages at given times."""
    repeats, out = RepeatFilter(), []
    for created, text in messages:
        record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (text,), None)
        record.created = created
        if repeats.filter(record):
            out.append(record.getMessage())
    return out


def test_a_message_that_repeats_is_shown_once_more_and_then_suppressed() -> None:
    assert shown((0, "a"), (1, "a"), (2, "a"), (3, "a")) == ["a", "[...repeats]"]


def test_another_message_ends_the_suppression() -> None:
    assert shown((0, "a"), (1, "a"), (2, "a"), (3, "b"), (4, "a")) == [
        *("a", "[...repeats]", "b", "a")
    ]


def test_after_five_seconds_a_message_is_shown_again() -> None:
    assert shown((0, "a"), (1, "a"), (4.9, "a"), (5, "a"), (6, "a")) == [
        *("a", "[...repeats]", "a", "[...repeats]")
    ]


@pytest.fixture
def _own_logging() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    for handler in handlers:
        if handler not in root.handlers:
            root.addHandler(handler)
    root.setLevel(level)


@pytest.mark.usefixtures("_own_logging")
def test_lines_have_the_documented_form(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    logging.getLogger("joule.test").warning("say %d", 5)
    line = capsys.readouterr().err
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING:say 5\n", line)


def test_module_lines_carry_the_name_of_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    echo_module_line("m", "line")
    assert capsys.readouterr().err == "m: line\n"
