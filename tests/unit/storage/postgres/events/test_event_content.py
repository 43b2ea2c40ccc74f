from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joule.storage.postgres.events.event_content import (
    MARK,
    shown_content,
    stored_content,
    stored_text,
)

PIECES = ["a", "\0", "\\", '"', "\ud800", "\udfff", MARK, "0", "ü", "1e5,", "\U00100001"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


def there_and_back(content: dict[str, Any]) -> Any:
    return json.loads(shown_content(stored_content(content).decode()))


@given(st.dictionaries(TEXTS, VALUES, max_size=3))
def test_contents_are_what_they_were(content: dict[str, Any]) -> None:
    # Two halves of a character that lie side by side become one: JSON cannot tell them apart.
    expected = json.loads(json.dumps(content))
    assert there_and_back(content) == expected


@given(st.dictionaries(TEXTS, VALUES, max_size=3))
def test_what_is_stored_has_nothing_that_jsonb_refuses(content: dict[str, Any]) -> None:
    values = json.dumps(json.loads(stored_content(content)), ensure_ascii=False)
    assert "\\u0000" not in values.replace("\\\\", "")
    values.encode()  # fails for halves of characters


@pytest.mark.parametrize("number", [1e16, -1e23, 1.5e300, 1.7976931348623157e308, 2**70, 12345])
def test_large_numbers_stay_whole_or_broken_as_they_were(number: float) -> None:
    stored = stored_content({"n": number}).decode()
    assert "e" not in stored
    found = there_and_back({"n": number})["n"]
    assert (type(found), found) == (type(number), number)


def test_usual_contents_are_stored_as_they_are() -> None:
    assert (
        stored_content({"a": "3e5,", "b": 0.1, "c": "ü"}) == '{"a":"3e5,","b":0.1,"c":"ü"}'.encode()
    )


def test_a_text_is_looked_for_as_it_is_stored() -> None:
    assert stored_text("a\0b") == f"a{MARK}000000b"
    assert stored_content({"k": "a\0b"}).decode() == f'{{"k":"a{MARK}000000b"}}'
