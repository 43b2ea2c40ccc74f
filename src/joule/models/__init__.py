"""The domain: pipes, and the values and rules of what a node stores.

Each name is loaded when it is first used, so that a program which needs none of the array types
does not load numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joule.models.access import Master, NodeInfo
    from joule.models.annotations import Annotation, AnnotationInfo
    from joule.models.events import Event, EventStream, EventStreamInfo
    from joule.models.folders import Folder
    from joule.models.intervals import Interval
    from joule.models.layout import Layout
    from joule.models.modules import (
        ConfigFault,
        Module,
        ModuleConfiguration,
        ModuleStatistics,
        ReloadReport,
    )
    from joule.models.pipes import (
        InputPipe,
        LocalPipe,
        OutputPipe,
        Pipe,
        compute_dtype,
        find_interval_token,
        interval_token,
        reader_factory,
        writer_factory,
    )
    from joule.models.streams import DataStream, DataStreamInfo, Element

__all__ = [
    "Annotation",
    "AnnotationInfo",
    "ConfigFault",
    "DataStream",
    "DataStreamInfo",
    "Element",
    "Event",
    "EventStream",
    "EventStreamInfo",
    "Folder",
    "InputPipe",
    "Interval",
    "Layout",
    "LocalPipe",
    "Master",
    "Module",
    "ModuleConfiguration",
    "ModuleStatistics",
    "NodeInfo",
    "OutputPipe",
    "Pipe",
    "ReloadReport",
    "compute_dtype",
    "find_interval_token",
    "interval_token",
    "reader_factory",
    "writer_factory",
]

_HOMES = {
    "access": ("Master", "NodeInfo"),
    "annotations": ("Annotation", "AnnotationInfo"),
    "events": ("Event", "EventStream", "EventStreamInfo"),
    "folders": ("Folder",),
    "intervals": ("Interval",),
    "layout": ("Layout",),
    "modules": ("ConfigFault", "Module", "ModuleConfiguration", "ModuleStatistics", "ReloadReport"),
    "pipes": (
        "InputPipe",
        "LocalPipe",
        "OutputPipe",
        "Pipe",
        "compute_dtype",
        "find_interval_token",
        "interval_token",
        "reader_factory",
        "writer_factory",
    ),
    "streams": ("DataStream", "DataStreamInfo", "Element"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_HOME_OF["EmptyPipe"] = "pipes"  # an older name, of which it warns there


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'joule.models' has no attribute {name!r}")
    return getattr(import_module(f"joule.models.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
