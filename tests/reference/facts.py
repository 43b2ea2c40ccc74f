"""The facts of the API reference: from our data file, and from the reference's own text."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

DATA_FILE = Path(__file__).with_name("api_reference.toml")

NO_DEFAULT = object()

_DIRECTIVE = re.compile(
    r"^\.\. function:: Node\.(\w+)(.*?)(?=^\s*$)", flags=re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Parameter:
    """A parameter as it is documented; ``default`` is NO_DEFAULT when it must be given."""

    name: str
    default: Any = NO_DEFAULT

    @classmethod
    def parse(cls, text: str) -> Parameter:
        name, equals, default = text.partition("=")
        return cls(name.strip(), ast.literal_eval(default.strip()) if equals else NO_DEFAULT)


@dataclass(frozen=True)
class Method:
    """A method of a node; ``error`` is the exact text of the documented error, if there is one."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = "None"
    error: str | None = field(default=None, compare=False)


def load() -> dict[str, Any]:
    """Read the data file."""
    return tomllib.loads(DATA_FILE.read_text())


def methods(facts: dict[str, Any]) -> dict[str, Method]:
    """Give the documented methods of a node by name."""
    return {
        name: Method(
            name,
            tuple(map(Parameter.parse, entry.get("parameters", []))),
            entry["returns"],
            entry.get("error"),
        )
        for name, entry in facts["methods"].items()
    }


def methods_in_text(text: str, misprints: dict[str, dict[str, str]]) -> dict[str, Method]:
    """Find the methods that the text of the reference documents."""
    found = (_method(name, rest) for name, rest in _DIRECTIVE.findall(text))
    return {method.name: _corrected(method, misprints.get(method.name, {})) for method in found}


def _method(name: str, rest: str) -> Method:
    arguments, _, returns = " ".join(rest.split()).rpartition(")")
    texts = _split(arguments.removeprefix("("))
    returns = returns.replace("->", "").strip(" :").removeprefix("joule.api.")
    return Method(name, tuple(map(_parameter, texts)), returns or "None")


def _split(arguments: str) -> list[str]:
    """Split at the commas that are not within brackets."""
    pieces, depth = [""], 0
    for character in arguments:
        depth += (character in "[(") - (character in "])")
        if character == "," and not depth:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece for piece in map(str.strip, pieces) if piece]


def _parameter(text: str) -> Parameter:
    declared, equals, default = text.partition("=")
    name, _, kind = (part.strip() for part in declared.partition(":"))
    if kind.isdigit():  # a default in the place of the type
        return Parameter(name, int(kind))
    return Parameter(name, ast.literal_eval(default.strip()) if equals else NO_DEFAULT)


def _corrected(method: Method, misprint: dict[str, str]) -> Method:
    parameters = tuple(
        replace(parameter, name=misprint.get(parameter.name, parameter.name))
        for parameter in method.parameters
    )
    returns = misprint.get("returns", method.returns)
    return replace(method, parameters=parameters, returns=returns)
