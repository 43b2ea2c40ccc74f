from __future__ import annotations

import json
from typing import Any

import pytest

from joule.errors import InvalidRequestError
from joule.models.filters import EventFilter, like_pattern

CONTENT = {
    "name": "sample",
    "empty": "",
    "value": 3,
    "real": 2.5,
    "text": "4.25",
    "on": True,
    "off": False,
    "none": None,
    "list": [1, "ü"],
    "deep": {"name": "inner"},
    "quo'te": "it's",
    "huge": 10**400,
}


def matches(*groups: object, content: dict[str, Any] = CONTENT) -> bool:
    return EventFilter.parse(json.dumps(groups)).matches(content)


@pytest.mark.parametrize("text", ["", "  ", "[]", "[[]]", '[[], [["value", "eq", 99]]]'])
def test_a_filter_without_conditions_matches_everything(text: str) -> None:
    assert EventFilter.parse(text).matches(CONTENT)
    assert EventFilter.parse(text).matches({})


def test_a_filter_remembers_its_text() -> None:
    text = '[[["value","eq",3]]]'
    assert EventFilter.parse(text).text == text


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        (["name", "is", "sample"], True),
        (["name", "is", "Sample"], False),
        (["name", "not", "sample"], False),
        (["name", "not", "other"], True),
        (["value", "is", "3"], True),
        (["real", "is", "2.5"], True),
        (["on", "is", "true"], True),
        (["off", "not", "true"], True),
        (["list", "is", '[1, "ü"]'], True),
        (["deep", "is", '{"name": "inner"}'], True),
        (["quo'te", "is", "it's"], True),
        (["empty", "is", ""], True),
        (["deep.name", "is", "inner"], False),
    ],
)
def test_texts_are_compared_as_printed(clause: list[Any], expected: bool) -> None:
    assert matches([clause]) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("sample", True),
        ("sam", False),
        ("%amp%", True),
        ("sam%", True),
        ("%ple", True),
        ("s_mple", True),
        ("s_ple", False),
        ("SAMPLE", False),
        ("%", True),
        ("", False),
    ],
)
def test_like_is_anchored_and_sees_case(pattern: str, expected: bool) -> None:
    assert matches([["name", "like", pattern]]) == expected
    assert matches([["name", "unlike", pattern]]) == (not expected)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"100\%", "100%", True),
        (r"100\%", "100x", False),
        (r"a\_b", "a_b", True),
        (r"a\_b", "axb", False),
        (r"a\\%", "a\\bc", True),
        ("a.c", "abc", False),
        ("[a]*", "[a]*", True),
        ("a%b", "a\nb", True),
        ("a_b", "a\nb", True),
        ("line", "line\n", False),
        ("end\\", "end\\", True),
    ],
)
def test_like_patterns_escape_and_quote(pattern: str, text: str, expected: bool) -> None:
    assert (like_pattern(pattern).fullmatch(text) is not None) == expected


@pytest.mark.parametrize(
    ("operator", "limit", "expected"),
    [
        ("gt", 2, True),
        ("gt", 3, False),
        ("gte", 3, True),
        ("lt", 3, False),
        ("lt", 3.5, True),
        ("lte", 3, True),
        ("eq", 3.0, True),
        ("eq", "3", True),
        ("neq", 3, False),
        ("neq", "1e3", True),
    ],
)
def test_numbers_are_compared_as_numbers(operator: str, limit: Any, expected: bool) -> None:
    assert matches([["value", operator, limit]]) == expected


def test_text_that_spells_a_number_is_a_number() -> None:
    assert matches([["text", "gt", 4]])
    assert matches([["huge", "gt", 1]])


@pytest.mark.parametrize("key", ["name", "on", "list", "deep", "empty"])
@pytest.mark.parametrize("operator", ["gt", "lt", "eq", "neq"])
def test_what_is_not_a_number_matches_no_numeric_operator(key: str, operator: str) -> None:
    assert not matches([[key, operator, 1]])


@pytest.mark.parametrize("key", ["absent", "none"])
@pytest.mark.parametrize(
    ("operator", "value"),
    [("is", "x"), ("not", "x"), ("like", "%"), ("unlike", "x"), ("lt", 9), ("neq", 1)],
)
def test_a_missing_or_null_field_matches_nothing(key: str, operator: str, value: Any) -> None:
    assert not matches([[key, operator, value]])


def test_clauses_are_anded_and_groups_ored() -> None:
    low, high = ["value", "gt", 0], ["value", "lt", 3]
    assert not matches([low, high])
    assert matches([low, high], [["name", "like", "sample"]])
    assert matches([low], [high])
    assert not matches([high], [["name", "is", "x"]])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[", "invalid filter string, must be valid JSON"),
        ("name is x", "invalid filter string, must be valid JSON"),
        ("5", "invalid filter string, must be a list of lists"),
        ("null", "invalid filter string, must be a list of lists"),
        ('{"a": 1}', "invalid filter string, must be a list of lists"),
        ('["a"]', "invalid filter string, must be a list of lists"),
        ('[["a", "is", "x"]]', "invalid filter string, must be a list of lists"),
        ('[[["a", "is"]]]', "invalid filter string, boolean expression must have 3 elements"),
        ("[[[]]]", "invalid filter string, boolean expression must have 3 elements"),
        (
            '[[["a", "isnt", "x"]]]',
            "invalid filter string, boolean expression must have a valid operation",
        ),
        (
            '[[["a", ["is"], "x"]]]',
            "invalid filter string, boolean expression must have a valid operation",
        ),
        (
            '[[["a", "is", 5]]]',
            "invalid filter string, is/not/like/unlike operation must have a string value",
        ),
        (
            '[[["a", "gt", "x"]]]',
            "invalid filter value, x be numeric in filter clause [['a', 'gt', 'x']]",
        ),
        (
            '[[["a", "eq", true]]]',
            "invalid filter value, True be numeric in filter clause [['a', 'eq', True]]",
        ),
        (
            '[[[5, "is", "x"]]]',
            "invalid filter string, first element of boolean expression must be a string label",
        ),
    ],
)
def test_a_faulty_filter_is_refused_with_the_rule_it_breaks(text: str, fault: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        EventFilter.parse(text)
    assert caught.value.text == fault
