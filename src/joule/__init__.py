"""Joule captures, processes, stores and shares sensor data streams.

``import joule`` is enough to reach the public parts as attributes: ``joule.api`` (client),
``joule.client`` (base classes of modules), ``joule.models`` (pipes and values),
``joule.errors`` and ``joule.utilities``. Each part is loaded when it is first used.

Names that older modules import from here (``joule.ReaderModule``, ``joule.LocalPipe``) still work,
with a ``DeprecationWarning`` that says where they are now.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joule import api, client, errors, models, utilities

    __version__: str

__all__ = ["__version__", "api", "client", "errors", "models", "utilities"]

_PARTS = frozenset({"api", "client", "errors", "models", "utilities"})

_MOVED = {
    "client": ("BaseModule", "CompositeModule", "FIRFilterModule", "FilterModule", "ReaderModule"),
    "errors": ("ApiError", "ConfigurationError", "EmptyPipeError", "PipeError"),
    "models": ("InputPipe", "LocalPipe", "OutputPipe", "Pipe"),
    "models.pipes": ("compute_dtype", "find_interval_token", "interval_token"),
    "utilities": ("human_to_timestamp", "time_now", "timestamp_to_human"),
}
_HOME_OF = {name: f"joule.{home}" for home, names in _MOVED.items() for name in names} | {
    "EmptyPipe": "joule.errors"
}


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return import_module(f"joule.{name}")
    if name == "__version__":  # looking it up takes longer than all else a command needs to start
        return import_module("joule.version").VERSION
    if name in _HOME_OF:
        return _moved(name, "EmptyPipeError" if name == "EmptyPipe" else name)
    raise AttributeError(f"module 'joule' has no attribute {name!r}")


def _moved(old: str, name: str) -> Any:
    home = _HOME_OF[old]
    warnings.warn(
        f"joule.{old} is an older name of {home}.{name}", DeprecationWarning, stacklevel=3
    )
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
