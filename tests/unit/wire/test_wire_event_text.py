"""Many events read or written at once are what one after another gives."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joule.api.bodies import encoded
from joule.errors import InvalidRequestError
from joule.models.events import Event
from joule.server.params import parse_json
from joule.wire.event_text import (
    LONG_EVENTS,
    events_of,
    events_text,
    found_events,
    found_text,
    sent_events,
    stored_events,
)
from joule.wire.json_models import event_from_json, event_to_json
from joule.wire.json_text import LONG_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

BLANKS = b" " * LONG_BYTES
"""Makes a text long without changing what it says."""

NUMBERS = st.sampled_from(
    [*("0", "-0", "1.0", "1.5", "1e3", "1e999", "NaN", "true", '"5"', '" 5"', '"x"', "null", "[]")]
    + [str(sign * 2**63 + more) for sign in (-1, 1) for more in (-1, 0, 1)]
)
CONTENTS = st.sampled_from(
    [
        *("{}", '{"a":1,"a":2}', '{"a":[1,{"b":null}]}', '{"a":1e999}', '{"a":NaN}', "[]", '"a"'),
        *("null", '{"é":"\\u00e9"}', '{"a":"\\ud800"}', '{"a":"\\ud83d\\ude00"}'),
        '{"a":123456789012345678901}',
    ]
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["start_time", "end_time", "id", "event_stream_id", "content", "other"]),
        NUMBERS | CONTENTS,
    ),
    max_size=3,
)


def event_json(*changes: tuple[str, str]) -> str:
    """The text of an event in which some values are others; a key may be there twice."""
    usual = {"start_time": "1", "end_time": "2", "id": "3", "event_stream_id": "4", "content": "{}"}
    return "{" + ",".join(f'"{key}":{value}' for key, value in [*usual.items(), *changes]) + "}"


def shown(events: Iterable[Event]) -> list[str]:
    """Everything about events, so that 1, 1.0 and True differ."""
    return [repr(sorted(vars(event).items())) for event in events]


def one_by_one(text: bytes) -> list[str] | None:
    """What the handler makes of a request without the quick way, None when it refuses it."""
    try:
        return shown([event_from_json(item) for item in parse_json(text)["events"]])
    except (InvalidRequestError, KeyError, TypeError, ValueError):
        return None


# ------------------------------------------------------------------ reading


@given(st.lists(EVENTS.map(lambda changes: event_json(*changes)), max_size=3))
@example([event_json(("start_time", "-9223372036854775808"), ("end_time", "9223372036854775807"))])
@example([event_json(("id", "null"), ("event_stream_id", "null"))])
def test_events_on_the_way_to_a_node_are_those_of_one_after_another(items: list[str]) -> None:
    text = f'{{"path":"/a","events":[{",".join(items)}]}}'.encode() + BLANKS
    sent = sent_events(text)
    assert sent is None or shown(sent.events) == one_by_one(text)
    assert sent is None or sent.spec == {"path": "/a", "id": None}


@given(st.lists(EVENTS.map(lambda changes: event_json(*changes)), max_size=3))
def test_events_that_were_found_are_those_of_one_after_another(items: list[str]) -> None:
    text = f'{{"count":2,"events":[{",".join(items)}],"type":"events"}}'.encode() + BLANKS
    found = found_events(text)
    assert found is None or shown(events_of(found)) == one_by_one(text)


def test_the_usual_forms_take_the_quick_way() -> None:
    usual = [event_json(), event_json(("end_time", "null"), ("content", '{"a":[1,{"b":"é"}]}'))]
    new = event_json(("id", "null"), ("event_stream_id", "null"))
    events = ",".join([*usual, new])
    sent = sent_events(f'{{"id":7,"events":[{events}]}}'.encode() + BLANKS)
    assert sent is not None
    assert (sent.spec, len(sent.events)) == ({"path": None, "id": 7}, 3)
    found = found_events(f'{{"events":[{",".join(usual)}]}}'.encode() + BLANKS)
    assert found is not None
    assert {event.node_uuid for event in events_of(found, "u")} == {"u"}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"events":{}}', '{"event":[]}', '{"events":[1]}', '{"events":[],"x":1}']
)
def test_what_has_another_form_is_left_to_others(text: str) -> None:
    raw = text.encode() + BLANKS
    assert sent_events(raw) is None
    assert found_events(raw) is None
    assert sent_events(b'{"events":[]}') is None  # short


def test_ids_of_stored_events_are_read_in_order() -> None:
    item = {**event_to_json(Event(1, 2, {"a": 1})), "event_stream_id": 4}
    items = [{**item, "id": number} for number in (7, 5, 6)]
    answer = json.dumps({"count": 3, "events": items, "node_uuid": "u"}).encode() + BLANKS
    assert stored_events(answer) == ([(7, 4), (5, 4), (6, 4)], "u")
    old = json.dumps({"count": 3, "events": items}).encode() + BLANKS
    assert stored_events(old) == ([(7, 4), (5, 4), (6, 4)], None)
    assert stored_events(answer.replace(b"7", b'"7"')) is None


# ------------------------------------------------------------------ writing


class Colour(Enum):
    RED = "red"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)
ODD = st.sampled_from(
    [
        *(math.nan, math.inf, -0.0, "\ud800", (1, 2), {7: 1}, {None: 1}, {1.5: 2}, {True: 1}),
        *(b"x", {1}, object(), Colour.RED, {Colour.RED: 1}, datetime(2020, 1, 1, tzinfo=UTC)),
        *(UUID(int=1), Decimal(1), np.int64(1), np.float64(0.1), np.float64(math.nan)),
        np.arange(2),
    ]
)


def told(value: Any) -> str | None:
    """What the text says that the standard library writes; None when it refuses."""
    try:
        return repr(json.loads(encoded(value)))
    except (TypeError, ValueError):
        return None


@given(st.dictionaries(st.text(), PLAIN | ODD, max_size=3))
@example({"a": {"b": math.nan}})
@example({"a": [datetime(2020, 1, 1, tzinfo=UTC)]})
def test_what_is_written_quickly_says_what_the_standard_library_says(
    content: dict[str, Any],
) -> None:
    items = [event_to_json(Event(1, 2, content))] * LONG_EVENTS
    text = events_text(items)
    assert text is None or repr(json.loads(text)) == told(items)


@pytest.mark.parametrize(
    "content", [{"a": math.nan}, {"a": b"x"}, {"a": Colour.RED}, {"a": UUID(int=1)}, {7: 1}]
)
def test_what_msgspec_alone_would_write_is_left_to_others(content: dict[Any, Any]) -> None:
    usual = [event_to_json(Event(1, 2, {"n": 1, "x": [0.5, None, "é"]}))] * LONG_EVENTS
    assert events_text(usual) is not None
    assert events_text([*usual, event_to_json(Event(1, 2, content))]) is None
    assert events_text(usual[1:]) is None  # few


@given(st.lists(st.tuples(st.integers(), st.integers(), st.none() | st.integers(), PLAIN)))
def test_an_answer_is_the_json_of_its_events(rows: list[tuple[int, int, int | None, Any]]) -> None:
    texts = [(start, id_, end, json.dumps({"a": value})) for start, id_, end, value in rows]
    events = [Event(row[0], row[2], json.loads(row[3]), row[1], 7) for row in texts]
    expected = {"count": len(rows), "events": list(map(event_to_json, events)), "type": "events"}
    assert repr(json.loads(found_text(7, texts))) == repr(expected)


def test_few_events_load_no_library() -> None:
    code = """if True:
        import sys, joule.wire.event_text as event_text
        event_text.sent_events(b'{"events":[]}')
        event_text.events_text([{}])
        print("msgspec" in sys.modules)
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
