"""The test kit: for authors of modules, and for those of Joule itself.

:func:`run_module` runs a module on arrays and in made-up time, :func:`running_node` is a node in
memory; see ``docs/modules.md``. Each is loaded when it is used. The suites for storage engines and
the strategies for random data need pytest and hypothesis; nothing at run time imports any of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joule.testing.module_kit import Written, run_module
    from joule.testing.node import running_node

__all__ = ["Written", "run_module", "running_node"]

_HOME_OF = {
    "Written": "module_kit",
    "run_module": "module_kit",
    "running_node": "node",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'joule.testing' has no attribute {name!r}")
    return getattr(import_module(f"joule.testing.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
