"""The description as an OpenAPI 3.1 document."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from joule.wire.faults import FAULT_HEADER
from joule.wire.openapi.access import ACCESS
from joule.wire.openapi.annotations import ANNOTATIONS
from joule.wire.openapi.archives import ARCHIVES
from joule.wire.openapi.data import DATA
from joule.wire.openapi.events import EVENTS
from joule.wire.openapi.folders import FOLDERS
from joule.wire.openapi.modules import MODULES
from joule.wire.openapi.node import NODE
from joule.wire.openapi.objects import OBJECTS
from joule.wire.openapi.operations import JSON, PLAIN
from joule.wire.openapi.schemas import TEXT, record
from joule.wire.openapi.streams import STREAMS
from joule.wire.routes import KEY_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.wire.openapi.operations import Answer, Operation, Parameter, Refusal
    from joule.wire.openapi.schemas import Schema

SECTIONS: Mapping[str, tuple[Operation, ...]] = {
    "Node": NODE,
    "Folders": FOLDERS,
    "Streams": STREAMS,
    "Data": DATA,
    "Events": EVENTS,
    "Annotations": ANNOTATIONS,
    "Modules and apps": MODULES,
    "Masters and followers": ACCESS,
    "Archives": ARCHIVES,
}

OPERATIONS: tuple[Operation, ...] = tuple(one for part in SECTIONS.values() for one in part)

_ABOUT = (
    "Times are integers, UNIX microseconds; ranges contain their start and not their end. "
    "Whoever uses the UNIX socket of the node needs no key. GET routes also answer HEAD."
)
_KEY = {
    "type": "apiKey",
    "in": "header",
    "name": KEY_HEADER,
    "description": "A key has a scope: read, write (reads and changes) or admin (all). An "
    "operation names the least that it needs.",
}


@cache
def document(version: str) -> dict[str, Any]:
    """Describe the interface of a node of this version. Not to be changed: it is made once."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Joule node", "version": version, "description": _ABOUT},
        "tags": [{"name": name} for name in SECTIONS],
        "paths": _paths(),
        "components": {"schemas": OBJECTS, "securitySchemes": {"key": _KEY}},
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for section, operations in SECTIONS.items():
        for one in operations:
            paths.setdefault(str(one.path), {})[one.method] = _operation(section, one)
    return paths


def _operation(section: str, one: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": one.name,
        "tags": [section],
        "summary": one.summary,
        "security": [{"key": [one.scope]}] if one.scope else [],
        "parameters": [_parameter(parameter) for parameter in one.parameters],
        "responses": _responses(one),
    }
    if one.body is not None:
        content = {one.body.kind: {"schema": one.body.schema}}
        found["requestBody"] = {
            "required": one.body.kind == JSON,
            "description": one.body.text,
            "content": content,
        }
    return found


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.text,
        "required": parameter.required,
    }
    if parameter.is_json:
        return {**found, "content": {JSON: {"schema": parameter.schema}}}
    if parameter.is_flag:
        found["allowEmptyValue"] = True
    return {**found, "schema": parameter.schema}


def _responses(one: Operation) -> dict[str, Any]:
    found = {} if one.answer is None else {"200": _answer(one.answer)}
    by_status: dict[int, list[Refusal]] = {}
    for refusal in one.refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    for status, refusals in sorted(by_status.items()):
        kind = one.refusal_kind if status == HTTPStatus.BAD_REQUEST else PLAIN
        found[str(status)] = _refusal(status, refusals, kind)
    return found


def _answer(answer: Answer) -> dict[str, Any]:
    headers = {
        name: {"description": text, "required": True, "schema": TEXT}
        for name, text in answer.headers.items()
    }
    found: dict[str, Any] = {"description": answer.text, "headers": headers}
    if answer.schema is not None:
        found["content"] = {answer.kind: {"schema": answer.schema}}
    return found


def _refusal(status: int, refusals: list[Refusal], kind: str) -> dict[str, Any]:
    examples = {str(number): {"value": one.text} for number, one in enumerate(refusals, 1)}
    content: dict[str, Schema] = {PLAIN: {"schema": TEXT, "examples": examples}}
    if kind == JSON:
        content[JSON] = {"schema": record({"error": TEXT})}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {FAULT_HEADER: {"description": "kind of the error", "schema": TEXT}},
        "content": content,
    }
