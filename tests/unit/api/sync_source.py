"""Makes ``joule/api/sync/methods.py`` out of the coroutines of a node.

``python -m tests.unit.api.sync_source`` writes the file; a test compares it.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joule.api.sync
from joule import api

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = Path(joule.api.__file__).parent / "sync" / "methods.py"

BY_HAND = {
    "close",
    "data_read",
    "data_subscribe",
    "data_write",
    "event_stream_read",
    "follower_list",
    "follower_delete",
    "follower_remove",
}
"""Methods that take or give something else than the coroutine does: they are in ``node.py``."""

HEADER = '''
"""The methods of a node that only wait for the coroutine of the same name.

Made by ``python -m tests.unit.api.sync_source``: change the coroutines, not this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.api.sync.blocking import Blocking
'''

CLASS = '''
class NodeMethods(Blocking):
    """The methods of :class:`joule.api.Node`, which wait for their result."""
'''


def source() -> str:
    """Give the text of the file."""
    methods: list[str] = []
    typed: set[str] = set()
    for part in _parts():
        tree = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
        assert isinstance(tree, ast.ClassDef)
        homes = _homes(part)
        for item in tree.body:
            if _is_alias(item):
                methods.append(ast.unparse(item))
            if not isinstance(item, ast.AsyncFunctionDef) or not _is_made(item.name):
                continue
            _spell_out_defaults(item, getattr(part, item.name))
            methods.append(_method(item))
            typed |= {homes[name] for name in _names(_annotations(item)) if name in homes}
    lines = [
        HEADER,
        "if TYPE_CHECKING:",
        *(f"    {line}" for line in sorted(typed)),
        CLASS,
        *(textwrap.indent(method, "    ") + "\n" for method in methods),
    ]
    return _formatted("\n".join(lines))


def _parts() -> Iterator[type[Any]]:
    """Give the classes that a node is made of, in the order of their names in it."""
    for part in (*api.Node.__mro__[1:], api.Node):
        if part.__module__.startswith("joule.api"):
            yield part


def _is_made(name: str) -> bool:
    return not name.startswith("_") and name not in BY_HAND


def _is_alias(item: ast.stmt) -> bool:
    return isinstance(item, ast.Assign) and isinstance(item.value, ast.Name)


def _method(function: ast.AsyncFunctionDef) -> str:
    """Write a method that waits for ``function``, with its signature and docstring."""
    names = [argument.arg for argument in function.args.args[1:]]
    names += [f"{argument.arg}={argument.arg}" for argument in function.args.kwonlyargs]
    call = f"self._wait(self._node.{function.name}({', '.join(names)}))"
    returns = function.returns
    gives = not (isinstance(returns, ast.Constant) and returns.value is None)
    doc = ast.get_docstring(function, clean=False)
    assert returns is not None
    return (
        f"def {function.name}({ast.unparse(function.args)}) -> {ast.unparse(returns)}:\n"
        f'    """{textwrap.dedent(" " * 8 + str(doc)).replace(chr(10), chr(10) + " " * 4)}"""\n'
        f"    {'return ' if gives else ''}{call}"
    )


def _annotations(function: ast.AsyncFunctionDef) -> list[ast.expr]:
    arguments = (*function.args.args, *function.args.kwonlyargs)
    found = [argument.annotation for argument in arguments]
    return [annotation for annotation in (*found, function.returns) if annotation is not None]


def _spell_out_defaults(function: ast.AsyncFunctionDef, method: Any) -> None:
    """Write values in the place of the names that only the module of the coroutine knows."""
    values = inspect.signature(method).parameters
    arguments = function.args
    placed = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    arguments.defaults = [ast.Constant(values[argument.arg].default) for argument in placed]
    arguments.kw_defaults = [
        None if default is None else ast.Constant(values[argument.arg].default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]


def _names(nodes: list[ast.expr]) -> set[str]:
    found = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found - set(dir(builtins))


def _homes(part: type[Any]) -> dict[str, str]:
    """Give the import line of each name that the module of ``part`` knows."""
    module = sys.modules[part.__module__]
    homes: dict[str, str] = {}
    for item in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(item, ast.ImportFrom):
            homes |= {a.name: f"from {item.module} import {a.name}" for a in item.names}
        elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
            name = item.targets[0].id
            homes.setdefault(name, f"from {module.__name__} import {name}")
        elif isinstance(item, ast.ClassDef):
            homes[item.name] = f"from {module.__name__} import {item.name}"
    return homes


def _formatted(text: str) -> str:
    for command in (
        ["check", "--select", "I,F401", "--fix", "--exit-zero", "--quiet"],
        ["format"],
    ):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(PATH), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


if __name__ == "__main__":
    PATH.write_text(source())
