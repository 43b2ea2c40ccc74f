"""Checked reading of single values out of a JSON object.

A tree of folders has tens of values per stream, so each of these is one call with its usual case
first.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def as_object(value: object, what: str) -> JsonObject:
    """Give ``value`` if it is a JSON object, else raise ``TypeError``."""
    if isinstance(value, dict):
        return value
    raise TypeError(f"{what} must be an object")


def as_list(value: object, what: str) -> list[Any]:
    """Give ``value`` if it is a JSON list, else raise ``TypeError``."""
    if isinstance(value, list):
        return value
    raise TypeError(f"{what} must be a list")


def as_text(value: object, what: str) -> str:
    """Give ``value`` if it is a string, else raise ``TypeError``."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{what} must be a string")


def as_optional_text(value: object, what: str) -> str | None:
    """Give ``value`` if it is a string or null, else raise ``TypeError``."""
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{what} must be a string")


def as_flag(value: object, what: str) -> bool:
    """Give ``value`` if it is true or false, else raise ``TypeError``."""
    if isinstance(value, bool):
        return value
    raise TypeError(f"{what} must be true or false")


def as_optional_flag(value: object, what: str) -> bool | None:
    """Give ``value`` if it is true, false or null, else raise ``TypeError``."""
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"{what} must be true or false")


def as_integer(value: object, what: str) -> int:
    """Give an integer, also for a number without fraction or decimal text."""
    if type(value) is int and _INT64_MIN <= value <= _INT64_MAX:  # nearly always
        return value
    return _whole(value, what)


def as_optional_integer(value: object, what: str) -> int | None:
    """Give an integer, or None for null."""
    if value is None or (type(value) is int and _INT64_MIN <= value <= _INT64_MAX):
        return value
    return _whole(value, what)


def as_number(value: object, what: str) -> float:
    """Give a finite number, also for numeric text."""
    if type(value) is float and -math.inf < value < math.inf:  # nearly always
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{what} must be a number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{what} must be a number") from error
    if not math.isfinite(number):
        raise ValueError(f"{what} must be a finite number")
    return number


def as_optional_number(value: object, what: str) -> float | None:
    """Give a finite number, or None for null."""
    return None if value is None else as_number(value, what)


def time_from_json(value: object) -> datetime | None:
    """Read an ISO 8601 time; None when it is absent."""
    return None if value is None else datetime.fromisoformat(as_text(value, "updated_at"))


def with_time(json: JsonObject, updated_at: datetime | None) -> JsonObject:
    """Add ``updated_at`` when it is known: a reader takes its absence for "changed"."""
    if updated_at is not None:
        json["updated_at"] = updated_at.isoformat()
    return json


def _whole(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{what} must be an integer")
    try:
        whole = int(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{what} must be an integer") from error
    if isinstance(value, float) and whole != value:
        raise ValueError(f"{what} must be an integer")
    if not _INT64_MIN <= whole <= _INT64_MAX:
        raise ValueError(f"{what} must fit into 64 bits")
    return whole
