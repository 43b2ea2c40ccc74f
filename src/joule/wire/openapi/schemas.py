"""The pieces that JSON schemas are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Schema: TypeAlias = dict[str, Any]

ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "pattern": "^[^/]*$"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
ID: Schema = {"type": "integer", "minimum": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
INT64: Schema = {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}
TIME: Schema = {**INT64, "description": "UNIX time in microseconds"}
KEEP: Schema = {
    **INT64,
    "minimum": -1,
    "description": "microseconds of history to keep: -1 all, 0 none",
}


def at_least(minimum: int) -> Schema:
    """Give the schema of an integer with a lower bound."""
    return {"type": "integer", "minimum": minimum}


def one_of(*values: object) -> Schema:
    """Give the schema of a value out of a few."""
    return {"enum": list(values)}


def optional(schema: Schema) -> Schema:
    """Give the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema, **bounds: int) -> Schema:
    """Give the schema of a list; bounds are ``minItems`` and ``maxItems``."""
    return {"type": "array", "items": schema, **bounds}


def tuple_of(*schemas: Schema) -> Schema:
    """Give the schema of a list of fixed length."""
    count = len(schemas)
    return {"type": "array", "prefixItems": list(schemas), "minItems": count, "maxItems": count}


def map_of(schema: Schema) -> Schema:
    """Give the schema of an object whose keys are free."""
    return {"type": "object", "additionalProperties": schema}


def record(
    properties: Mapping[str, Schema], *, absent: Collection[str] = (), text: str = ""
) -> Schema:
    """Give the schema of an object; the keys in ``absent`` may be left out."""
    schema: Schema = {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in absent],
    }
    return {**schema, "description": text} if text else schema


def changes(properties: Mapping[str, Schema], *, text: str = "") -> Schema:
    """Give the schema of an object of which any part may be given."""
    return record(properties, absent=properties, text=text)


def ref(name: str) -> Schema:
    """Point to one of the :data:`joule.wire.openapi.objects.OBJECTS`."""
    return {"$ref": f"#/components/schemas/{name}"}
