"""The description as a page to read: HTML without scripts and without anything from elsewhere."""

from __future__ import annotations

import json
import re
from html import escape
from operator import itemgetter
from typing import TYPE_CHECKING

from joule.wire.openapi.document import SECTIONS
from joule.wire.openapi.objects import OBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.wire.openapi.operations import Operation
    from joule.wire.openapi.schemas import Schema

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Joule node</title>
<meta name="viewport" content="width=device-width"><style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font-size: 0.9em } pre { overflow-x: auto; background: #8881; padding: 0.5rem }
summary { cursor: pointer } details { margin: 0.3rem 0 } dt { font-weight: bold }
td, th { text-align: left; padding: 0 1rem 0.2rem 0; vertical-align: top }
</style></head><body>"""

_REFERENCE = re.compile(r'\{\s*"\$ref": "(#/components/schemas/\w+)"\s*\}')


def page(version: str) -> str:
    """Write the page for a node of this version."""
    return "\n".join([_HEAD, *_body(version), "</body></html>\n"])


def _body(version: str) -> Iterator[str]:
    yield f"<h1>Joule node {escape(version)}</h1>"
    yield '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
    for section, operations in SECTIONS.items():
        yield f"<h2>{escape(section)}</h2>"
        for one in operations:
            yield from _operation(one)
    yield "<h2>Objects</h2>"
    for name, schema in OBJECTS.items():
        yield f'<details id="{name}"><summary><code>{name}</code></summary>{_schema(schema)}'
        yield "</details>"


def _operation(one: Operation) -> Iterator[str]:
    title = f"<code>{one.method.upper()} {escape(one.path)}</code> {escape(one.summary)}"
    yield f'<details id="{one.name}"><summary>{title}</summary>'
    yield f"<p>Key: {one.scope or 'none needed'}.</p>"
    if one.parameters:
        yield "<table><tr><th>Parameter</th><th>Type</th><th>Meaning</th></tr>"
        for parameter in one.parameters:
            kind = _kind(parameter.schema) + (", required" if parameter.required else "")
            yield (
                f"<tr><td><code>{escape(parameter.name)}</code></td>"
                f"<td>{kind}</td><td>{escape(parameter.text)}</td></tr>"
            )
        yield "</table>"
    if one.body is not None:
        yield f"<p>Body, {one.body.kind}. {escape(one.body.text)}</p>{_schema(one.body.schema)}"
    if one.answer is not None:
        yield f"<p>Answer. {escape(one.answer.text)}</p>"
        yield "" if one.answer.schema is None else _schema(one.answer.schema)
    yield "<table>"
    for status, text in sorted(one.refusals, key=itemgetter(0)):
        yield f"<tr><td>{status}</td><td>{escape(text)}</td></tr>"
    yield "</table></details>"


def _kind(schema: Schema) -> str:
    """Name the type of a parameter in a few words."""
    if "$ref" in schema:
        return _link(schema["$ref"])
    if "enum" in schema:
        first, *middle, last = map(str, (schema["enum"][0], *schema["enum"]))
        return escape(" or ".join([*middle, last]) if len(middle) < 4 else f"{first} to {last}")
    bound = "" if "minimum" not in schema or "format" in schema else f" from {schema['minimum']} on"
    return f"{schema['type']}{bound}"


def _schema(schema: Schema) -> str:
    text = escape(json.dumps(schema, indent=1, ensure_ascii=False), quote=False)
    return f"<pre>{_REFERENCE.sub(lambda found: _link(found[1]), text)}</pre>"


def _link(target: str) -> str:
    name = target.rpartition("/")[2]
    return f'<a href="#{name}">{name}</a>'
