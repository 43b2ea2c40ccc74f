"""What there is to say about one request: parameters, body, answer and refusals.

In the text of a refusal ``<...>`` stands for what the request or the node fills in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from joule.wire.openapi.schemas import INTEGER, TEXT, TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.wire.openapi.schemas import Schema

JSON = "application/json"
PLAIN = "text/plain"
HTML = "text/html"
ROWS = "application/octet-stream"


class Refusal(NamedTuple):
    """A status above 200 and its text."""

    status: int
    text: str


def bad(*texts: str) -> tuple[Refusal, ...]:
    """Give refusals with status 400."""
    return tuple(Refusal(400, text) for text in texts)


def unknown(*texts: str) -> tuple[Refusal, ...]:
    """Give refusals with status 404."""
    return tuple(Refusal(404, text) for text in texts)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value beside the body; ``fault`` is how one of the wrong form is refused.

    ``is_json``: the value is a JSON text. ``is_flag``: it counts that it is there.
    """

    name: str
    schema: Schema
    text: str
    required: bool = False
    place: str = "query"
    fault: str | None = None
    is_json: bool = False
    is_flag: bool = False


def text(name: str, meaning: str, *, required: bool = False) -> Parameter:
    """Give a parameter that is a text."""
    return Parameter(name, TEXT, meaning, required)


def flag(name: str, meaning: str) -> Parameter:
    """Give a parameter that counts by being there."""
    return Parameter(name, TEXT, meaning, is_flag=True)


def integer(
    name: str,
    meaning: str,
    schema: Schema = INTEGER,
    *,
    required: bool = False,
    fault: str | None = None,
) -> Parameter:
    """Give a parameter that is an integer."""
    return Parameter(
        name, schema, meaning, required, fault=fault or f"parameter {name} must be an int"
    )


@dataclass(frozen=True, slots=True)
class Body:
    """What comes with a request."""

    schema: Schema
    kind: str = JSON
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer with status 200; ``headers`` have a meaning each, no schema is no body."""

    schema: Schema | None
    kind: str = JSON
    text: str = "The result."
    headers: Mapping[str, str] = field(default_factory=dict)


OK = Answer({"enum": ["ok"]}, PLAIN, "Done.")

NO_KEY = Refusal(403, "403: Forbidden")
SMALL_SCOPE = Refusal(403, "this key allows [<scope>], the request needs [<scope>]")
STORE_FAILED = Refusal(500, "<what the store cannot do now; nothing was changed>")
BODY_FAULTS = (
    *bad(
        "content-type must be application/json",
        "invalid json",
        "the request must be a JSON object",
        "the body of the request cannot be read",
        "the request is nested too deeply",
    ),
    Refusal(413, "Maximum request body size <bytes> exceeded, actual body size <bytes>"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A request: a method on a path, under a name of its own.

    ``scope`` is the least that the key must allow, None when no key is needed. ``answer`` is None
    for a request that is always refused.
    """

    name: str
    method: str
    path: str
    summary: str
    answer: Answer | None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    refused: tuple[Refusal, ...] = ()
    scope: str | None = "read"
    refusal_kind: str = PLAIN

    @property
    def refusals(self) -> list[Refusal]:
        """Everything that can be answered but the result, each once."""
        found = [NO_KEY, SMALL_SCOPE] if self.scope else []
        if self.body is not None and self.body.kind == JSON:
            found += BODY_FAULTS
        found += bad(*(p.fault for p in self.parameters if p.fault is not None))
        return list(dict.fromkeys([*found, *self.refused, STORE_FAILED]))


# --------------------------------------------------------------------------- shared by many

NO_SPEC = "specify an id or a path"
NO_FOLDER = "folder does not exist"
NO_STREAM = "stream does not exist"

BY_PATH_OR_ID = (
    text("path", "path of the folder or stream, such as /folder/name; wins over the id"),
    integer("id", "its id"),
)
BY_NAME_OR_ID = (text("name", "its name, wins over the id"), integer("id", "its id"))

RANGE = (
    integer("start", "first time of the range", TIME),
    integer("end", "time at which the range ends, itself outside", TIME),
)
BACKWARDS = bad("[start] must be before [end]")

STREAM_REFUSED = (*bad(NO_SPEC), *unknown(NO_STREAM))

DESTINATION_REFUSED = (
    *bad("specify a destination", "Destination error: <reason>"),
    *unknown(NO_FOLDER),
)
