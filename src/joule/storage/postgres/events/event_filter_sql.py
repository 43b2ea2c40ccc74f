"""A filter of events as SQL that lets pass all that match, and few others.

``EventFilter.matches`` has the last word: what SQL cannot tell for certain (whether a text spells a
number, what a number looks like as text) it lets pass.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from joule.models.filters import as_number
from joule.storage.postgres.events.event_content import MARK, stored_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.models.filters import EventFilter

    Bind = Callable[[Any], str]

_AT_LEAST: Final = ("gt", "gte")
_TEXTUAL: Final = ("is", "not", "like", "unlike")


def filter_sql(where: EventFilter, bind: Bind) -> str | None:
    """Give the condition on ``content``, None when all may pass; ``bind`` takes its values."""
    groups = json.loads(where.text) if where.text.strip() else []
    if not groups or not all(groups):
        return None
    alternatives = (" AND ".join(_clause(clause, bind) for clause in group) for group in groups)
    return f"({' OR '.join(f'({alternative})' for alternative in alternatives)})"


def _clause(clause: tuple[str, str, Any], bind: Bind) -> str:
    key, name, value = clause
    place = f"{bind(stored_text(key))}::text"
    kind = f"jsonb_typeof(content -> {place})"
    if name in _TEXTUAL:
        text = f"content ->> {place}"
        test = _text_test(name, value, f"({text})", bind)
        return f"CASE {kind} WHEN 'string' THEN {test} ELSE ({text}) IS NOT NULL END"
    test = _number_test(name, value, f"(content -> {place})::numeric", bind)
    return f"CASE {kind} WHEN 'number' THEN {test} WHEN 'string' THEN true ELSE false END"


def _text_test(name: str, value: str, text: str, bind: Bind) -> str:
    if name == "is":
        return f"{text} = {bind(stored_text(value))}"
    if name == "not":
        return f"{text} <> {bind(stored_text(value))}"
    if value.endswith("\\") or MARK in stored_text(value):
        return "true"  # not a pattern for PostgreSQL, or one that would have to be rewritten
    negation = "NOT " if name == "unlike" else ""
    return f"({text} {negation}LIKE {bind(value)} OR {text} LIKE {bind(f'%{MARK}%')})"


def _number_test(name: str, value: object, number: str, bind: Bind) -> str:
    limit = as_number(value)
    if limit is None or not math.isfinite(limit) or name == "neq":
        return "true"
    # A stored number has all its digits, and counts as the double next to it.
    low, high = (Decimal(math.nextafter(limit, end)) for end in (-math.inf, math.inf))
    if name == "eq":
        return f"{number} BETWEEN {bind(low)} AND {bind(high)}"
    return f"{number} >= {bind(low)}" if name in _AT_LEAST else f"{number} <= {bind(high)}"
