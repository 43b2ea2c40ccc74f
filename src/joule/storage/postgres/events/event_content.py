"""The content of events as PostgreSQL's ``jsonb`` keeps it, and back: the same values.

``jsonb`` has no character NUL and no half of a surrogate pair. Such a character is stored as
``MARK``, a private one that no text uses, followed by its number in six hexadecimal digits; so is
``MARK`` itself. And it writes out large numbers without an exponent, which would turn floats into
integers: such a float is stored with its digits and ``.0``.

The order of keys and the spelling of numbers are those of ``jsonb``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from joule.wire.json_text import encoded

MARK: Final = "\U00100000"

_KEPT_OTHERWISE: Final = re.compile(f"[\0\ud800-\udfff{MARK}]")
_MARKED: Final = re.compile(f"{MARK}([0-9a-f]{{6}})")
_SUSPICIOUS: Final = re.compile(
    rb"\\u0000|\\ud[89a-f]|[0-9][eE]\+?[0-9]+[],}]|" + re.escape(MARK.encode())
)
"""What is not in most contents; whether it matters where it is shows on a second look."""
_TEXT_OR_LARGE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]+')


def stored_content(content: dict[str, Any]) -> bytes:
    """Give the JSON text to be stored."""
    text = encoded(content)
    if _SUSPICIOUS.search(text) is None:
        return text
    return _TEXT_OR_LARGE.sub(_written_out, encoded(_marked(content)).decode()).encode()


def shown_content(text: str) -> str:
    """Give the JSON text of what is stored."""
    return _MARKED.sub(_escape, text) if MARK in text else text


def stored_text(text: str) -> str:
    """Give a text as it is stored, so that it can be looked for."""
    return _KEPT_OTHERWISE.sub(lambda found: f"{MARK}{ord(found[0]):06x}", text)


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return stored_text(value)
    if isinstance(value, dict):
        return {_marked(key): _marked(item) for key, item in value.items()}
    return [_marked(item) for item in value] if isinstance(value, list | tuple) else value


def _written_out(found: re.Match[str]) -> str:
    token = found[0]
    if token.startswith('"'):
        return token
    digits = format(Decimal(token), "f")
    return digits if "." in digits else f"{digits}.0"


def _escape(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return f"\\u{number:04x}" if number < ord(MARK) else MARK
