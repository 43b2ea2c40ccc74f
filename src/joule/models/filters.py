"""The filter of an event query: which events are meant, judged by their content.

A filter is a JSON list of groups, a group a list of clauses ``[key, operator, value]``. Clauses in
a group are ANDed, groups are ORed; no groups, or an empty group, match everything. An event whose
content lacks the key, or has null there, matches no clause, not even a negated one.
"""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joule.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PREFIX = "invalid filter string, "
_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
_TEXTUAL = ("is", "not", "like", "unlike")


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison: the value under a top-level ``key`` of the content must pass ``test``."""

    key: str
    test: Callable[[Any], bool]

    def matches(self, content: Mapping[str, Any]) -> bool:
        """Whether the key is there, is not null and passes."""
        value = content.get(self.key)
        return value is not None and self.test(value)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A parsed filter; ``text`` is what it was parsed from."""

    text: str
    groups: tuple[tuple[Clause, ...], ...]

    @classmethod
    def parse(cls, text: str) -> EventFilter:
        """Read a filter from its JSON text; blank text matches everything.

        Raises ``InvalidRequestError`` that names the broken rule.
        """
        return cls(text, tuple(_group(group) for group in _lists(text)))

    def matches(self, content: Mapping[str, Any]) -> bool:
        """Whether an event with this content is meant."""
        if not self.groups:
            return True
        return any(all(clause.matches(content) for clause in group) for group in self.groups)


def _lists(text: str) -> list[Any]:
    if not text.strip():
        return []
    try:
        groups = json.loads(text)
        json.dumps(groups, ensure_ascii=False).encode()  # fails for halves of characters
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(_PREFIX + "must be valid JSON") from error
    if not isinstance(groups, list):
        raise InvalidRequestError(_PREFIX + "must be a list of lists")
    return groups


def _group(group: object) -> tuple[Clause, ...]:
    if not isinstance(group, list) or not all(isinstance(clause, list) for clause in group):
        raise InvalidRequestError(_PREFIX + "must be a list of lists")
    return tuple(_clause(clause, group) for clause in group)


def _clause(clause: list[Any], group: list[Any]) -> Clause:
    if len(clause) != 3:
        raise InvalidRequestError(_PREFIX + "boolean expression must have 3 elements")
    key, name, value = clause
    if not isinstance(name, str) or (name not in _NUMERIC and name not in _TEXTUAL):
        raise InvalidRequestError(_PREFIX + "boolean expression must have a valid operation")
    if not isinstance(key, str):
        raise InvalidRequestError(
            _PREFIX + "first element of boolean expression must be a string label"
        )
    if name in _NUMERIC:
        return Clause(key, _numeric_test(name, value, group))
    if not isinstance(value, str):
        raise InvalidRequestError(_PREFIX + "is/not/like/unlike operation must have a string value")
    return Clause(key, _text_test(name, value))


def _numeric_test(name: str, value: object, group: list[Any]) -> Callable[[Any], bool]:
    limit = as_number(value)
    if limit is None:
        raise InvalidRequestError(
            f"invalid filter value, {value} be numeric in filter clause {group}"
        )
    compare = _NUMERIC[name]

    def test(field: object) -> bool:
        number = as_number(field)
        return number is not None and compare(number, limit)

    return test


def _text_test(name: str, value: str) -> Callable[[Any], bool]:
    if name == "is":
        return lambda field: as_text(field) == value
    if name == "not":
        return lambda field: as_text(field) != value
    pattern = like_pattern(value)
    if name == "like":
        return lambda field: pattern.fullmatch(as_text(field)) is not None
    return lambda field: pattern.fullmatch(as_text(field)) is None


def as_text(field: object) -> str:
    """Give a field of the content as text: strings as they are, all else as printed JSON."""
    return field if isinstance(field, str) else json.dumps(field, ensure_ascii=False)


def as_number(field: object) -> float | None:
    """Give a number, or a text that spells one, as a double; None for everything else."""
    if isinstance(field, bool) or not isinstance(field, int | float | str):
        return None
    if isinstance(field, str) and "_" in field:
        return None  # Python's digit grouping is no number to a user
    try:
        return float(field)
    except ValueError:
        return None
    except OverflowError:
        return float("inf") if field > 0 else float("-inf")  # type: ignore[operator]


def like_pattern(text: str) -> re.Pattern[str]:
    r"""Turn an SQL LIKE pattern into a regular expression, to be used with ``fullmatch``.

    ``%`` is any run of characters, ``_`` any one, ``\`` takes the next character as it is.
    """
    first, *others = _segments(text)
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    # A segment is taken where it comes first, and that is final: no other place could be better.
    # So a pattern of many "%" takes no longer than one, where backtracking would never end.
    jumps = "".join(f"(?>.*?{segment})" for segment in middle if segment)
    return re.compile(f"{first}{jumps}.*{last}", re.DOTALL)


def _segments(text: str) -> list[str]:
    """Give what is between the ``%`` of a LIKE pattern, as regular expressions of fixed length."""
    segments = [""]
    characters = iter(text)
    for character in characters:
        if character == "%":
            segments.append("")
        elif character == "_":
            segments[-1] += "."
        else:
            # A last backslash stands for itself.
            taken = next(characters, character) if character == "\\" else character
            segments[-1] += re.escape(taken)
    return segments
