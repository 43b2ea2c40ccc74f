"""Joule captures, processes, stores and shares sensor data streams.

``import joule`` is enough to reach the public parts as attributes: ``joule.api`` (client),
``joule.client`` (base classes of modules), ``joule.models`` (pipes and values),
``joule.errors`` and ``joule.utilities``. Each part is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joule import api, client, errors, models, utilities

    __version__: str

__all__ = ["__version__", "api", "client", "errors", "models", "utilities"]

_PARTS = frozenset({"api", "client", "errors", "models", "utilities"})


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"joule.{name}")
    if name == "__version__":  # looking it up takes longer than all else a command needs to start
        return import_module("joule.version").VERSION
    raise AttributeError(f"module 'joule' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
