"""Numbers, times and places in what sources send."""

from __future__ import annotations

from typing import Any

import pytest

from joule.client.sources.json_path import find, parse_path
from joule.client.sources.values import document, number, timestamp

DOCUMENT = {"a": {"b.c": [{"d": 1}, {"d": 2}]}, "0": "zero", "n": None}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT),
        ("", DOCUMENT),
        ("$.a['b.c'][1].d", 2),
        ("a[b.c][-1].d", 2),
        ("$.0", "zero"),
        ("$[0]", "zero"),
        ("$.n", None),
        ("$.missing.deeper", None),
        ("a[b.c][2].d", None),
        ("a[b.c].d", None),
        ("$.0.x", None),
    ],
)
def test_a_path_leads_to_a_value_or_to_nothing(path: str, expected: Any) -> None:
    assert find(DOCUMENT, parse_path(path)) == expected


@pytest.mark.parametrize("path", ["$..a", "a[", "a[]", "a.b.", "]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a JSON path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (2**60 + 1, 2**60 + 1),
        ("1152921504606846977", 2**60 + 1),
        (True, 1),
        (" 1e3 ", 1000.0),
        ("ON", 1),
        ("false", 0),
        (b"-2.5".decode(), -2.5),
    ],
)
def test_numbers_come_in_many_forms(value: Any, expected: float) -> None:
    assert number(value) == expected
    assert type(number(value)) is type(expected)


@pytest.mark.parametrize("value", [None, [], {}, "", "12 V", "a" * 1000])
def test_what_is_no_number_is_refused_briefly(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a number") as error:
        number(value)
    assert len(str(error.value)) < 100


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1_700_000_000, "s", 1_700_000_000_000_000),
        (1_700_000_000.000001, "s", 1_700_000_000_000_001),
        ("1700000000123", "ms", 1_700_000_000_123_000),
        (1_700_000_000_123_456, "us", 1_700_000_000_123_456),
        ("2023-11-14T22:13:20.000001Z", "s", 1_700_000_000_000_001),
        ("2023-11-14 22:13:20", "ms", 1_700_000_000_000_000),
        ("2023-11-14T23:13:20+01:00", "s", 1_700_000_000_000_000),
    ],
)
def test_times_are_numbers_of_a_unit_or_iso_8601(value: Any, unit: str, expected: int) -> None:
    assert timestamp(value, unit) == expected


@pytest.mark.parametrize("value", [None, "soon", [], float("nan"), float("inf")])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"time|NaN"):
        timestamp(value, "s")


def test_a_payload_is_json_or_text() -> None:
    assert document(b' {"a": [1]} ') == {"a": [1]}
    assert document(b"12.5") == 12.5
    assert document(b"ON\xff") == "ON\ufffd"
    assert document(b"[" * 100_000) == "[" * 100_000
