"""Places in a JSON document: ``$.phases[0].voltage``, in short ``phases[0].voltage``."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

Steps: TypeAlias = "tuple[str | int, ...]"

_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\[\]]+)\]")
_QUOTES = "'\""


def parse_path(text: str) -> Steps:
    """Read a path; ``$``, the whole document, has no steps. ``ValueError`` when it is none.

    A name in brackets may hold dots; a number there counts from 0, from the end when negative.
    """
    rest = text.removeprefix("$")
    steps: list[str | int] = []
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise ValueError(f"[{text}] is not a JSON path like $.phases[0].voltage")
        name, bracketed = match.groups()
        steps.append(name if bracketed is None else _bracketed(bracketed))
        rest = rest[match.end() :]
    return tuple(steps)


def find(document: Any, steps: Steps) -> Any:
    """Give what is at a place, None when there is no such place."""
    for step in steps:
        if isinstance(document, dict):
            document = document.get(str(step))
        elif isinstance(document, list):
            document = _item(document, step)
        else:
            return None
    return document


def _bracketed(text: str) -> str | int:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return text.strip(_QUOTES)


def _item(items: list[Any], step: str | int) -> Any:
    try:
        return items[int(step)]
    except (ValueError, IndexError):
        return None
