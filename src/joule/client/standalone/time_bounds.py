"""The range of time that a module is run over by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.errors import ConfigurationError
from joule.models.intervals import bounded
from joule.utilities import human_to_timestamp, timestamp_to_human

if TYPE_CHECKING:
    import argparse

    from joule.models.intervals import Interval


def time_bounds(args: argparse.Namespace) -> tuple[int | None, int | None]:
    """Read ``--start_time`` and ``--end_time`` into UNIX us, None where they are not given."""
    start = _timestamp(args.start_time, "start")
    end = _timestamp(args.end_time, "end")
    validate_time_bounds(start, end)
    return start, end


def validate_time_bounds(start: int | None, end: int | None) -> None:
    """Raise ``ConfigurationError`` unless ``start`` is before ``end``."""
    if start is not None and end is not None and start >= end:
        raise ConfigurationError(
            f"start [{timestamp_to_human(start)}] must be before end [{timestamp_to_human(end)}]"
        )


def describe(start: int | None, end: int | None) -> str:
    """Write a range in local time."""
    interval: Interval = bounded(start, end)
    return " => ".join(timestamp_to_human(time).strip() for time in interval)


def _timestamp(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return human_to_timestamp(text)
    except ValueError as error:
        raise ConfigurationError(f"invalid {name} time: {error}") from error
