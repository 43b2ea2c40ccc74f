"""What of the published API reference is missing here; ``python -m tests.reference.check``."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from joule import api, errors, utilities
from tests.reference.facts import NO_DEFAULT, Method, Parameter, load, methods

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def faults(node_class: type[Any] = api.Node) -> list[str]:
    """Say in a line each what is missing or different; ``node_class`` has the methods."""
    facts = load()
    return [
        *(line for method in methods(facts).values() for line in _method(node_class, method)),
        *(line for path, names in facts["classes"].items() for line in _class(path, names)),
        *(line for path, names in facts["attributes"].items() for line in _attributes(path, names)),
        *(line for name, is_api in facts["errors"].items() for line in _error(name, is_api)),
        *(
            f"joule.utilities.{name} is missing"
            for name in facts["utilities"]["names"]
            if not hasattr(utilities, name)
        ),
        *(f"joule.api.{name} is missing" for name in facts["functions"] if not hasattr(api, name)),
    ]


def _method(node_class: type[Any], wanted: Method) -> Iterator[str]:
    method = getattr(node_class, wanted.name, None)
    if method is None:
        yield f"Node.{wanted.name} is missing"
        return
    if not method.__doc__:
        yield f"Node.{wanted.name} has no docstring"
    yield from _signature(f"Node.{wanted.name}", method, wanted.parameters, skip=1)


def _class(path: str, names: Sequence[str]) -> Iterator[str]:
    module, _, name = path.rpartition(".")
    found = getattr(import_module(module), name, None)
    if found is None:
        yield f"{path} is missing"
    elif names:
        yield from _signature(path, found, [Parameter.parse(text) for text in names])


def _signature(
    name: str, function: Any, wanted: Sequence[Parameter], skip: int = 0
) -> Iterator[str]:
    """Compare parameters: those documented come first, in order; more may follow if optional."""
    found = list(inspect.signature(function).parameters.values())[skip:]
    for position, parameter in enumerate(wanted):
        if position >= len(found) or found[position].name != parameter.name:
            yield f"{name}: parameter {position + 1} is not called {parameter.name}"
            return
        if found[position].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            yield f"{name}: {parameter.name} cannot be given both by place and by name"
        if parameter.default is not NO_DEFAULT and found[position].default != parameter.default:
            yield f"{name}: {parameter.name} is not {parameter.default!r} by default"
    for extra in found[len(wanted) :]:
        if extra.default is inspect.Parameter.empty:
            yield f"{name}: {extra.name} is not documented and must be given"


def _attributes(path: str, names: Sequence[str]) -> Iterator[str]:
    module, _, name = path.rpartition(".")
    kind = getattr(import_module(module), name)
    known = {*dir(kind), *getattr(kind, "__dataclass_fields__", ())}
    for attribute in names:
        if attribute not in known:
            yield f"{path}.{attribute} is missing"


def _error(name: str, is_api: bool) -> Iterator[str]:
    error = getattr(errors, name, None)
    if error is None:
        yield f"joule.errors.{name} is missing"
    elif is_api and not issubclass(error, errors.ApiError):
        yield f"joule.errors.{name} is not an ApiError"


if __name__ == "__main__":
    missing = faults()
    sys.stdout.write("".join(f"{line}\n" for line in missing or ["nothing is missing"]))
    sys.exit(bool(missing))
