"""How the values stand in a line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from joule.client.sources.source import Row
from joule.client.sources.values import number
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from joule.client.sources.elements import ElementLine
    from joule.client.sources.time_place import TimePlace

Field: TypeAlias = "int | str"
"""A column, or a group of the pattern, by number from 1 on; a group also by its name."""

_ANY = re.compile(r"[,;\s]+")


@dataclass(frozen=True, slots=True)
class LineFormat:
    """What to take from a line: for each element the field of its value, and the time."""

    split: Callable[[str], Callable[[Field], str]]
    elements: Sequence[tuple[Field, ElementLine]]
    time: TimePlace[Field] | None = None

    def row(self, line: str) -> Row:
        """Read a line; ``ValueError`` says what is wrong with it."""
        field = self.split(line)
        values = [element.apply(number(field(place))) for place, element in self.elements]
        return Row(values, self.time.read(field(self.time.place)) if self.time else None)


def field_of(element: ElementLine, parse: Callable[[str], Field]) -> Field:
    """Give the field that an element's line names; ``ConfigurationError`` names the element."""
    if len(element.words) != 1:
        raise element.fault("give the number of a column, or a group of the pattern")
    try:
        return parse(element.words[0])
    except ValueError as error:
        raise element.fault(str(error)) from error


def column(text: str) -> Field:
    """Read the number of a column."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"[{text}] is not the number of a column, the first is 1")
    return int(text)


def group(pattern: re.Pattern[str]) -> Callable[[str], Field]:
    """Give what reads number or name of one of the pattern's groups."""

    def parse(text: str) -> Field:
        if text in pattern.groupindex:
            return text
        if text.isdecimal() and 1 <= int(text) <= pattern.groups:
            return int(text)
        raise ValueError(f"the pattern has no group [{text}]")

    return parse


def columns(separator: str) -> Callable[[str], Callable[[Field], str]]:
    """Give what splits lines at a separator; without one at commas, semicolons and blanks."""

    def split(line: str) -> Callable[[Field], str]:
        parts = line.split(separator) if separator else _ANY.split(line.strip())

        def field(place: Field) -> str:
            if int(place) > len(parts):
                raise ValueError(f"there is no column {place}")
            return parts[int(place) - 1]

        return field

    return split


def groups(pattern: re.Pattern[str]) -> Callable[[str], Callable[[Field], str]]:
    """Give what finds the pattern in lines."""

    def split(line: str) -> Callable[[Field], str]:
        match = pattern.search(line)
        if match is None:
            raise ValueError("it does not match the pattern")
        return lambda place: match.group(place) or ""

    return split


def compiled(text: str) -> re.Pattern[str]:
    """Read a regular expression; ``ConfigurationError`` when it is none."""
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigurationError(f"pattern [{text}]: {error}") from error
