"""Times: integer UNIX microseconds, and the texts and objects they are made from.

Local time is used where a person writes or reads a time, UTC everywhere else.
"""

from __future__ import annotations

import re
import time as clock
from datetime import UTC, datetime, timedelta
from math import isfinite

_MINIMUM = -(2**63)
_MAXIMUM = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_KEEP = re.compile(r"(\d+)([smhdwy])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def time_now() -> int:
    """Give the current time in UNIX us."""
    return clock.time_ns() // 1000


def human_to_timestamp(time: str) -> int:
    """Read a time that a person wrote and give it in UNIX us.

    A number is taken as it is, in microseconds (``1551730769556442``, ``1.5e15``; fractions are
    dropped). Anything else may be a date in free form: ``now``, ``1 hour ago``, ``yesterday``,
    ``20 January 2015 12:00``, ``2020-01-02T03:04:05Z``. It is in local time unless it names a
    zone. Raises ``ValueError`` when it is neither.
    """
    text = str(time).strip()
    moment = _number(text) if _NUMBER.fullmatch(text) else _free_form_date(text)
    if moment is None:
        raise ValueError(f"invalid time [{time}], use microseconds or a date like [1 hour ago]")
    return moment


def _number(text: str) -> int | None:
    if not set(".eE").intersection(text):
        return int(text)  # exact, whatever its size
    value = float(text)
    return int(value) if isfinite(value) else None


def _free_form_date(text: str) -> int | None:
    import dateparser  # half a second of start-up that few commands need

    date: datetime | None = dateparser.parse(text) if text else None
    if date is None:
        return None
    return datetime_to_timestamp(date if date.tzinfo is not None else date.astimezone())


def timestamp_to_human(timestamp: int) -> str:
    """Write a UNIX us time in local time, for example ``Tue, 01 Sep 2020 18:40:00``.

    The text ends in a blank, as it always has. The extremes of the range are ``(minimum)`` and
    ``(maximum)``; a time beyond the calendar is written as its number.
    """
    if timestamp == _MINIMUM:
        return "(minimum)"
    if timestamp == _MAXIMUM:
        return "(maximum)"
    try:
        return datetime.fromtimestamp(timestamp / 1e6).strftime("%a, %d %b %Y %H:%M:%S %z")
    except (OverflowError, ValueError, OSError):
        return str(timestamp)


def seconds_to_timestamp(seconds: float) -> int:
    """Convert seconds to microseconds, fractions of a microsecond dropped."""
    return int(seconds * 1e6)


def timestamp_to_seconds(timestamp: int) -> float:
    """Convert microseconds to seconds."""
    return timestamp / 1e6


def timestamp_to_datetime(timestamp: int) -> datetime:
    """Convert UNIX us to an aware datetime in UTC, exactly.

    Raises ``OverflowError`` for a time outside the years 1 to 9999.
    """
    return _EPOCH + int(timestamp) * _MICROSECOND


def datetime_to_timestamp(date: datetime) -> int:
    """Convert a datetime to UNIX us, exactly; one without a zone is taken as UTC."""
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def parse_time_interval(time_interval: str) -> int:
    """Read how long to keep data: ``all`` is -1, ``none`` 0, else microseconds.

    Durations are a whole number and a unit: ``s``, ``m`` (minutes), ``h``, ``d``, ``w`` or ``y``
    (365 days), for example ``2w``. Raises ``ValueError`` for anything else.
    """
    text = str(time_interval).strip()
    if text.lower() in ("all", "none"):
        return -1 if text.lower() == "all" else 0
    match = _KEEP.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(
            f"use format #unit (eg 1w), none or all, [{time_interval}] is not recognized"
        )
    return int(match[1]) * _UNIT_S[match[2]] * 1_000_000
