"""JSON read and written quickly is the JSON of the standard library."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joule.wire.json_text import LONG_BYTES, decoded, encoded

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
BLANKS = " " * LONG_BYTES
"""Makes a text long without changing what it says."""

PIECES = st.sampled_from(
    [
        *('"', "\\", "\\ud800", "\\u00e9", "NaN", "Infinity", "-", "0", "1e999", "1E5", ".", "+"),
        *("[", "]", "{", "}", ":", ",", '"a"', "true", "null", " ", "\t", "\x00", "\x7f", "\ufeff"),
        *("é", "9" * 400, "0.1", "-0", "123456789012345678901234567890", "/", '{"a":1,"a":2}'),
    ]
)


def told(read: Any, text: bytes | str) -> tuple[str, Any]:
    """What reading gives, so that 1, 1.0 and True differ, or that it refuses."""
    try:
        return "value", repr(read(text))
    except (ValueError, RecursionError):
        return "refused", None


@given(VALUES)
def test_a_value_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    text = json.dumps(value) + BLANKS
    assert repr(decoded(text.encode())) == repr(json.loads(text))
    assert repr(decoded(text)) == repr(json.loads(text))


@given(st.lists(PIECES, max_size=8).map("".join))
@example("[1e999]")
@example('"\\ud800"')
@example("9" * 5000)
@example("[" * 100_000)
@example("[" * 990 + "]" * 990)
def test_any_text_is_taken_or_refused_as_by_the_standard_library(text: str) -> None:
    raw = (text + BLANKS).encode()
    assert told(decoded, raw) == told(json.loads, raw)


@given(st.binary(max_size=20))
@example('{"a": "é"}'.encode("latin-1"))
@example('"a"'.encode("utf-16"))
def test_any_bytes_are_taken_or_refused_as_by_the_standard_library(raw: bytes) -> None:
    raw += BLANKS.encode()
    assert told(decoded, raw) == told(json.loads, raw)


@pytest.mark.parametrize("text", ["[NaN]", "[1e999]", "[-Infinity]"])
def test_what_is_refused_at_first_is_read_by_the_other_reader(text: str) -> None:
    def refuse(_: object) -> None:
        raise KeyError("the other one")

    with pytest.raises(KeyError):
        decoded(text + BLANKS, refuse)
    assert decoded("[1]" + BLANKS, refuse) == [1]


@given(VALUES)
def test_a_written_value_is_read_back_by_anybody(value: Any) -> None:
    assert repr(json.loads(encoded(value))) == repr(json.loads(json.dumps(value)))


def test_a_written_text_has_no_blanks() -> None:
    assert encoded({"a": [1, 2.5, None, "é"]}) == '{"a":[1,2.5,null,"é"]}'.encode()


@pytest.mark.parametrize(
    "value", [{7: 2, None: 3, True: 4}, "\ud800", 10**100], ids=["keys", "half", "large"]
)
def test_what_only_the_standard_library_writes_is_written_by_it(value: Any) -> None:
    assert json.loads(encoded(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}])
def test_what_has_no_json_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encoded(value)


def test_numbers_keep_their_value() -> None:
    numbers = [0.1, 1e22, 5e-324, math.pi, 1.7976931348623157e308, -0.0, 2**63, -(2**63)]
    assert repr(json.loads(encoded(numbers))) == repr(numbers)


def test_short_texts_load_no_library() -> None:
    code = """if True:
        import sys, joule.wire.json_text as json_text
        json_text.decoded(b"[1]")
        print("msgspec" in sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
