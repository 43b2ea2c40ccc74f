"""Checks that scripts and modules import from here; the rules are those of the models."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from joule.errors import ConfigurationError, InvalidRequestError
from joule.models.events import check_event_fields
from joule.models.filters import EventFilter

if TYPE_CHECKING:
    from joule.models.layout import Rows

__all__ = [
    "validate_event_fields",
    "validate_event_filter",
    "validate_monotonic_timestamps",
    "validate_no_nan_values",
    "validate_stream_path",
]

log = logging.getLogger(__name__)

_PATH = re.compile(r"/|(/[\w -]+)+")

validate_event_fields = check_event_fields


def validate_event_filter(filter_string: str) -> list[Any]:
    """Give the clauses of an event filter text; raises ``ConfigurationError`` for a wrong one."""
    try:
        EventFilter.parse(filter_string)
    except InvalidRequestError as error:
        raise ConfigurationError(error.text) from error
    clauses: list[Any] = json.loads(filter_string) if filter_string else []
    return clauses


def validate_stream_path(path: str) -> str:
    """Give ``path`` back if a configuration file may use it, else raise ``ValueError``."""
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ValueError(
            "invalid path, use format: /dir/subdir/../file valid characters: [0-9,A-Z,a-z,_,-, ]"
        )
    return path


def validate_monotonic_timestamps(data: Rows, last_ts: int | None, name: str) -> bool:
    """Say whether timestamps strictly increase and start after ``last_ts``; logs it when not.

    ``data`` is ``(n,)`` rows with a ``timestamp`` field in UNIX us.
    """
    timestamps = data["timestamp"]
    if len(timestamps) == 0:
        return True
    if last_ts is not None and timestamps[0] <= last_ts:
        log.warning(
            "Non-monotonic timestamp between writes to stream [%s] (%d<=%d)",
            name,
            timestamps[0],
            last_ts,
        )
        return False
    if not np.all(timestamps[1:] > timestamps[:-1]):
        log.warning("Non-monotonic timestamp in new data to stream [%s]", name)
        return False
    return True


def validate_no_nan_values(data: Rows) -> bool:
    """Say whether all values of ``(n,)`` rows are finite: neither NaN nor infinite."""
    return bool(np.isfinite(data["data"]).all())
