"""JSON as text: what the standard library makes of it, for long texts in a fraction of the time.

msgspec takes a part of what the standard library takes and gives the same values. It refuses the
rest (NaN, numbers that are too large, halves of characters, other encodings than UTF-8), and the
standard library decides then. It is loaded with the first long text: most processes meet none.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

LONG_BYTES = 16 << 10
"""Below this the standard library is as good."""


def decoded(text: bytes | str, otherwise: Callable[[bytes | str], Any] = json.loads) -> Any:
    """Read a JSON text; ``otherwise`` reads a short one, and one that is out of the ordinary.

    Raises what ``otherwise`` does, which has to refuse at least what :func:`json.loads` refuses.
    """
    if len(text) < LONG_BYTES:
        return otherwise(text)
    decode, _ = _quick()
    try:
        return decode(text)
    except (ValueError, RecursionError):  # msgspec's own is a ValueError
        return otherwise(text)


def decoded_strictly(text: bytes) -> Any:
    """Read a JSON text of which every value can be given back as JSON.

    Raises ``ValueError`` for any other, or ``RecursionError``.
    """
    value = decoded(text, partial(json.loads, parse_constant=_refuse, parse_float=_finite))
    if _SURROGATE.search(text):
        json.dumps(value, ensure_ascii=False).encode()  # fails for halves of characters
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number


def encoded(value: Any) -> bytes:
    """Write a value that a JSON text can stand for, finite numbers and text keys only; no blanks.

    Raises what :func:`json.dumps` does for anything else that it notices.
    """
    _, encode = _quick()
    try:
        return encode(value)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(value, separators=(",", ":")).encode()


@cache
def _quick() -> tuple[Callable[[bytes | str], Any], Callable[[Any], bytes]]:
    from msgspec.json import Decoder, Encoder  # some milliseconds that few processes need

    return Decoder().decode, Encoder().encode
