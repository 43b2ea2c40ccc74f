"""Holds every answer that a test of the server gets to the description of the interface."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema_rs

from joule.wire.faults import FAULT_HEADER
from joule.wire.openapi import OPERATIONS, document
from joule.wire.openapi.objects import OBJECTS

_OPERATIONS = {(one.method.upper(), str(one.path)): one for one in OPERATIONS}


def closed(schema: Any) -> Any:
    """Give a schema that takes no keys but the described ones."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "properties" in found and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def closed_document() -> dict[str, Any]:
    """Give the whole description with closed answers; requests may hold what they like."""
    whole: dict[str, Any] = json.loads(json.dumps(document("2.0.0")))
    for name in {name for name in OBJECTS if not name.startswith("New")}:
        objects = whole["components"]["schemas"]
        if not name.endswith("Changes"):
            objects[name] = closed(objects[name])
    return whole


def assert_described(
    method: str, path: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Fail unless the description has this answer; paths that it does not know are let through."""
    one = _OPERATIONS.get(("GET" if method == "HEAD" else method, path))
    if one is None or method == "HEAD":
        return
    if status != 200:
        if FAULT_HEADER.title() in headers:
            _assert_refusal(method, path, status, body.decode())
        return
    assert one.answer is not None, f"{method} {path} answers"
    if one.answer.schema is None:
        assert not body
    else:
        assert headers["Content-Type"].partition(";")[0] == one.answer.kind
    assert {name.title() for name in one.answer.headers} <= set(headers)
    if body and one.answer.kind == "application/json":
        _validator(method, path).validate(json.loads(body))


def _assert_refusal(method: str, path: str, status: int, text: str) -> None:
    known = [one.text for one in _OPERATIONS[method, path].refusals if one.status == status]
    assert any(_pattern(one).fullmatch(text) for one in known), (
        f"{method} {path} refuses with {status} [{text}], which is not described"
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"<[^>]*>", text)
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)


@cache
def _validator(method: str, path: str) -> jsonschema_rs.Draft202012Validator:
    answer = _OPERATIONS[method, path].answer
    assert answer is not None
    assert answer.schema is not None
    schema = closed({**answer.schema, "components": {"schemas": OBJECTS}})
    return jsonschema_rs.Draft202012Validator(schema)
