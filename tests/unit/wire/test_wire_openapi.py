"""The description of the HTTP interface holds together in itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from joule.wire.openapi import OPERATIONS, document, page
from joule.wire.openapi.objects import OBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.wire.openapi.operations import Operation

DOCUMENT = document("2.0.0")


def inner(value: Any) -> Iterator[Any]:
    """Give a JSON value and everything in it."""
    yield value
    for part in value.values() if isinstance(value, dict) else value if type(value) is list else ():
        yield from inner(part)


def test_it_is_json_and_names_its_version() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["version"] == "2.0.0"


def test_every_reference_leads_to_an_object_and_every_object_is_used() -> None:
    used = {
        part["$ref"].removeprefix("#/components/schemas/")
        for part in inner(DOCUMENT)
        if isinstance(part, dict) and "$ref" in part
    }
    assert used == set(OBJECTS)


def test_every_operation_has_a_name_and_a_place_of_its_own() -> None:
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_is_described_in_whole_sentences(one: Operation) -> None:
    assert one.summary[0].isupper()
    assert not one.summary.endswith(".")
    assert all(parameter.text for parameter in one.parameters)
    in_path = {parameter.name for parameter in one.parameters if parameter.place == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", one.path))


def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere() -> None:
    text = page("2.0.0")
    for one in OPERATIONS:
        assert f'id="{one.name}"' in text
    for name in OBJECTS:
        assert f'id="{name}"' in text
    assert "<script" not in text
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', text)) == {"openapi.json"}
    anchors = set(re.findall(r'href="#([^"]*)"', text))
    assert anchors <= set(re.findall(r'id="([^"]*)"', text))
