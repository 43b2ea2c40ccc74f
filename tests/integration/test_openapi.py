"""Requests made from the description of the interface, sound and unsound, to a real node.

Whatever is asked, the node does not fail, and its answer is one that the description has.
``JOULE_OPENAPI_EXAMPLES`` is how many requests are made of each kind per operation.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from joule.models.annotations import Annotation
from joule.models.events import Event, EventStream
from joule.models.streams import DataStream, Element
from joule.wire.openapi import OPERATIONS
from tests.unit.server.described import closed_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import TcpNode
    from joule.wire.openapi.operations import Operation
    from tests.integration.daemon import Daemon

EXAMPLES = int(os.environ.get("JOULE_OPENAPI_EXAMPLES", "8"))

ELSEWHERE = ("follower_add", "app_without_slash", "app_relay")
"""They make the node call others, on addresses out of the request; or an app answers."""

THERE: dict[str, list[Any]] = {
    "id": [1, 2],
    "stream_id": [1, 2],
    "src_id": [1, 2],
    "dest_path": ["/", "/a/b", "/c/d"],
    "start": [0, 500],
    "end": [501, 2000],
}
"""Values under which there is something, as :func:`furnish` leaves it."""

OTHER_NAMES = {"path", "stream_path", "src_path"}
"""They would win over the ids; the tests of each noun have them."""


def keyless(part: Any) -> Any:
    """Give a description that leaves the key to the session."""
    if isinstance(part, list):
        return [keyless(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {key: keyless(value) for key, value in part.items() if key != "security"}


def narrowed(whole: Any) -> Any:
    """Give a description whose requests name what is there."""
    for operations in whole["paths"].values():
        for one in operations.values():
            one["parameters"] = [_parameter(p) for p in one["parameters"] if _is_used(p["name"])]
            for content in one.get("requestBody", {"content": {}})["content"].values():
                values = content["schema"].get("properties", {})
                kept = {name: _narrow(name, values[name]) for name in values if _is_used(name)}
                if kept:
                    content["schema"]["properties"] = kept
    return whole


def _is_used(name: str) -> bool:
    return name not in OTHER_NAMES


def _parameter(one: Any) -> Any:
    if one["name"] not in THERE:
        return one
    is_id = one["name"].endswith("id")
    return {**one, "schema": _narrow(one["name"], one["schema"]), "required": is_id}


def _narrow(name: str, schema: Any) -> Any:
    if name not in THERE:
        return schema
    if schema.get("type") == "array":
        return {**schema, "minItems": 1, "items": {"enum": THERE[name]}}
    return {"enum": THERE[name]}


SOUND = schemathesis.openapi.from_dict(keyless(narrowed(closed_document())))
UNSOUND = schemathesis.openapi.from_dict(keyless(closed_document()))

LAST = ("stream_delete", "folder_delete")


def patience(one: Operation) -> tuple[bool, int]:
    """Sort what is done: first it is looked at, then changed, and deleted last."""
    methods = ("get", "put", "post", "delete")
    return one.name.endswith(LAST), methods.index(one.method)


ORDERED = sorted(OPERATIONS, key=patience)


def name_of(one: Operation) -> str:
    """Name a test."""
    return one.name


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def furnish(node: TcpNode) -> None:
    """Store something under the small ids that requests are likely to name."""
    for folder in ("/a", "/a/b"):
        stream = DataStream("x", elements=[Element("e"), Element("f")], decimate=True)
        made = await node.data_stream_create(stream, folder)
        pipe = await node.data_write(made)
        await pipe.write([[time, 1.0, 2.0] for time in range(1000)])
        await pipe.close()
        await node.annotation_create(Annotation("note", 5), made)
        events = await node.event_stream_create(EventStream(name="ev"), folder)
        await node.event_stream_write(
            events, [Event(time, time + 3, {"a": 1}) for time in range(9)]
        )


@pytest.fixture(scope="module")
def asked(shared: Daemon) -> Iterator[tuple[Daemon, requests.Session]]:
    """A node with something in it, and a session with its key."""
    shared.ask(furnish)
    with requests.Session() as session:
        session.headers["X-API-KEY"] = shared.key
        yield shared, session


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("one", ORDERED, ids=name_of)
def test_no_request_makes_a_node_fail_or_answer_otherwise_than_described(
    asked: tuple[Daemon, requests.Session], one: Operation, mode: GenerationMode
) -> None:
    if one.name in ELSEWHERE or one.path.startswith(("/app/{", "/interface/{")):
        pytest.skip("its answer is made elsewhere")
    if mode is GenerationMode.NEGATIVE and one.body is None and not one.parameters:
        pytest.skip("nothing in it can be wrong")
    daemon, session = asked
    schema = SOUND if mode is GenerationMode.POSITIVE else UNSOUND
    operation = schema[one.path][one.method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=EXAMPLES < 100,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        assume(not _calls_others(case))
        response = case.call(base_url=daemon.url, session=session, timeout=20)
        case.validate_response(response, checks=CHECKS)

    ask()


def _calls_others(case: schemathesis.Case[Any]) -> bool:
    """Whether the node would look for another one at an address out of the request."""
    body: Any = case.body
    kind = body.get("master_type") if isinstance(body, dict) else None
    return case.path == "/master.json" and str(kind).lower() not in ("user", "none")
