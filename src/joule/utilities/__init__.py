"""Small helpers for scripts and modules: times, interval lists, yes/no answers, import logs.

Nothing here loads numpy, a HTTP library or a date parser before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from joule.utilities.archive_tools import ImportLogger, LogMessage
from joule.utilities.connection_info import ConnectionInfo
from joule.utilities.misc import yesno
from joule.utilities.time import (
    datetime_to_timestamp,
    human_to_timestamp,
    parse_time_interval,
    seconds_to_timestamp,
    time_now,
    timestamp_to_datetime,
    timestamp_to_human,
    timestamp_to_seconds,
)

if TYPE_CHECKING:
    from joule.utilities.interval_tools import interval_difference, interval_intersection

__all__ = [
    "ConnectionInfo",
    "ImportLogger",
    "LogMessage",
    "datetime_to_timestamp",
    "human_to_timestamp",
    "interval_difference",
    "interval_intersection",
    "parse_time_interval",
    "seconds_to_timestamp",
    "time_now",
    "timestamp_to_datetime",
    "timestamp_to_human",
    "timestamp_to_seconds",
    "yesno",
]

_LATE_NAMES = frozenset({"interval_difference", "interval_intersection"})
_LATE_MODULES = frozenset({"interval_tools", "validators"})


def __getattr__(name: str) -> Any:
    if name in _LATE_NAMES:
        return getattr(import_module("joule.utilities.interval_tools"), name)
    if name in _LATE_MODULES:
        return import_module(f"joule.utilities.{name}")
    raise AttributeError(f"module 'joule.utilities' has no attribute {name!r}")
