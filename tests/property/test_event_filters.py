"""Event filters against an oracle that shares no code with them, and against nonsense."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joule.errors import InvalidRequestError
from joule.models.filters import EventFilter, like_pattern

KEYS = st.sampled_from(["a", "b", "", "it's"])
WORDS = st.text("ab%_\\ ü\n", max_size=6)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -2.5, 10**18, 10**18 + 1])
NUMERALS = NUMBERS | NUMBERS.map(str)

TEXT_CLAUSES = st.tuples(KEYS, st.sampled_from(["is", "not", "like", "unlike"]), WORDS)
NUMBER_CLAUSES = st.tuples(KEYS, st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]), NUMERALS)
FILTERS = st.lists(st.lists(TEXT_CLAUSES | NUMBER_CLAUSES, max_size=3), max_size=3)

FIELDS = st.none() | st.booleans() | WORDS | NUMERALS | st.lists(st.integers(0, 2), max_size=2)
CONTENTS = st.dictionaries(KEYS, FIELDS, max_size=3)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=12,
)


# ------------------------------------------------------------------ the oracle


def is_meant(groups: list[list[tuple[str, str, Any]]], content: dict[str, Any]) -> bool:
    return not groups or any(all(holds(*clause, content) for clause in group) for group in groups)


def holds(key: str, operation: str, value: Any, content: dict[str, Any]) -> bool:
    if content.get(key) is None:
        return False
    text = content[key] if isinstance(content[key], str) else json.dumps(content[key])
    if operation in ("is", "not"):
        return bool(text == value) == (operation == "is")
    if operation in ("like", "unlike"):
        return is_like(text, value) == (operation == "like")
    field = number(content[key])
    if field is None:
        return False
    limit = number(value)
    assert limit is not None
    order = (field > limit) - (field < limit)
    return {
        "gt": order > 0,
        "gte": order >= 0,
        "lt": order < 0,
        "lte": order <= 0,
        "eq": order == 0,
        "neq": order != 0,
    }[operation]


def number(value: Any) -> Fraction | None:
    """The double that a value stands for, exactly; None when it is no number."""
    if isinstance(value, bool | list):
        return None
    try:
        return Fraction(float(Fraction(value)))
    except ValueError:
        return None


def is_like(text: str, pattern: str) -> bool:
    """Compare as the standard says it, one character at a time."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return is_like(text, rest) or (text != "" and is_like(text[1:], pattern))
    if head == "\\" and rest:
        return text[:1] == rest[0] and is_like(text[1:], rest[1:])
    return text != "" and head in ("_", text[0]) and is_like(text[1:], rest)


# ------------------------------------------------------------------ the properties


@given(FILTERS, CONTENTS)
@example([[("a", "like", "%a%b")]], {"a": "abab\n"})
@example([[("a", "eq", 10**18)]], {"a": 10**18 + 1})
def test_a_filter_means_what_the_oracle_says(
    groups: list[list[tuple[str, str, Any]]], content: dict[str, Any]
) -> None:
    assert EventFilter.parse(json.dumps(groups)).matches(content) == is_meant(groups, content)


@given(WORDS, WORDS)
def test_a_pattern_matches_what_the_oracle_says(pattern: str, text: str) -> None:
    assert (like_pattern(pattern).fullmatch(text) is not None) == is_like(text, pattern)


@given(FILTERS, CONTENTS)
def test_a_filter_survives_being_written_and_read_again(
    groups: list[list[tuple[str, str, Any]]], content: dict[str, Any]
) -> None:
    once = EventFilter.parse(json.dumps(groups, ensure_ascii=False))
    again = EventFilter.parse(once.text)
    assert again.text == once.text
    assert [[clause.key for clause in group] for group in again.groups] == [
        [key for key, _, _ in group] for group in groups
    ]
    assert again.matches(content) == once.matches(content)


@given(st.text() | JSON_VALUES.map(json.dumps) | FILTERS.map(json.dumps).map(lambda s: s[:-1]))
@example("[" * 100_000)
@example('[[["a","gt","\\ud800"]]]')
@example('[[["\\ud800","is","a"]]]')
@example('[[["a","gt",NaN]]]')
@example('[[["a","gt",' + "9" * 5000 + "]]]")
@example('[[["a",[],1]]]')
@example('[[["a",{},1]]]')
def test_nonsense_is_refused_in_words_that_can_be_sent(text: str) -> None:
    fault = fault_of(text)
    fault.encode()
    assert not fault or fault.startswith("invalid filter ")


def fault_of(text: str) -> str:
    try:
        EventFilter.parse(text).matches({"a": 1, "b": "x"})
    except InvalidRequestError as error:
        return error.text
    return ""


@given(JSON_VALUES, st.sampled_from(["is", "like", "gt", "neq"]))
def test_any_content_can_be_judged(value: Any, operation: str) -> None:
    where = EventFilter.parse(json.dumps([[["a", operation, "1"]]]))
    assert where.matches({"a": value}) in (True, False)


@pytest.mark.parametrize("repeated", ["%a", "%", "%_", "%ab_"])
def test_a_pattern_of_many_wildcards_takes_no_longer_than_one_of_few(repeated: str) -> None:
    """Within a factor: backtracking would make it grow without bounds."""
    text = "a" * 2000

    def taken_s(count: int) -> float:
        pattern = like_pattern(repeated * count + "c")
        start = time.process_time()
        assert pattern.fullmatch(text) is None
        return time.process_time() - start

    few, many = (min(taken_s(count) for _ in range(5)) for count in (2, 200))
    assert many < 200 * few + 0.1
