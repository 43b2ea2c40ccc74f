"""What a source sends as numbers and times."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

_WORDS = {"on": 1, "true": 1, "yes": 1, "off": 0, "false": 0, "no": 0}

TIME_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Microseconds in the units that numbers may have which stand for a time."""


def number(value: Any) -> float:
    """Make a number of a JSON value or a text; integers stay exact, on and off are 1 and 0.

    Raises ``ValueError`` for anything else.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return _from_text(value.strip())
    raise ValueError(f"{_short(value)} is not a number")


def timestamp(value: Any, unit: str) -> int:
    """Make UNIX us of a number of seconds, milliseconds or microseconds, or of an ISO 8601 text.

    A text without a zone is taken as UTC. Raises ``ValueError`` for anything else.
    """
    if isinstance(value, str):
        try:
            value = _from_text(value.strip())
        except ValueError:
            return _from_iso(value.strip())
    try:
        time_us: int = round(value * TIME_UNITS[unit])
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{_short(value)} is not a time") from error
    return time_us


def document(payload: bytes) -> Any:
    """Give what a payload says: JSON, else a text."""
    text = payload.decode("utf-8", errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _from_text(text: str) -> float:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{_short(text)} is not a number") from error


def _from_iso(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{_short(text)} is not a time") from error
    since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _short(value: object) -> str:
    return f"{value!r:.60}"
