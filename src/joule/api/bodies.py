"""JSON in the bodies of requests and answers; ``ok`` stands for an answer without a value."""

from __future__ import annotations

import json
from typing import Any

from joule.errors import ApiError
from joule.wire.json_text import decoded

_OK_BYTES_MAX = 16
"""An answer that is longer is JSON; a long one is not searched for the word."""


def encoded(value: Any) -> bytes:
    """Write a value as JSON; numpy numbers count as numbers."""
    return _ENCODER.encode(value).encode()


def _plain(value: Any) -> Any:
    tolist = getattr(value, "tolist", None)  # as numpy's have; not worth loading numpy to ask it
    if tolist is None:
        raise TypeError(f"a {type(value).__name__} has no JSON form")
    return tolist()


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"))


def value_of(content: bytes) -> Any:
    """Give the JSON of an answer; None when it is ``ok``, ``ApiError`` when it is neither."""
    if len(content) < _OK_BYTES_MAX and content.strip().lower() == b"ok":
        return None
    try:
        return decoded(content, _tolerantly)
    except ValueError as error:
        text = content.decode("utf-8", "replace")
        raise ApiError(f"Invalid node response: {text}") from error


def _tolerantly(content: bytes | str) -> Any:
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    return json.loads(text)
