"""The list of elements in a module file: where each value comes from and what is done to it.

One line per element, in the order of the stream::

    elements =
        meter/power  $.watts       name=Power units=kW scale=0.001
        meter/heat                 name=Temperature offset=-273.15

The words without a name say where the value is; what they mean is the reader's business.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError
from joule.models.streams import Element

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = ("name", "units", "scale", "offset")


@dataclass(frozen=True, slots=True)
class ElementLine:
    """One element; the value stored is ``value * scale + offset``."""

    words: tuple[str, ...]
    name: str = ""
    units: str = ""
    scale: float = 1.0
    offset: float = 0.0

    def apply(self, value: float) -> float:
        """Scale and shift a value; one that needs neither stays as it is, integers exactly."""
        if self.scale != 1.0:
            value *= self.scale
        return value + self.offset if self.offset else value

    def fault(self, text: str) -> ConfigurationError:
        """Make the error that names this element."""
        return ConfigurationError(f"element [{' '.join(self.words)}]: {text}")


def parse_elements(text: str) -> list[ElementLine]:
    """Read the lines of ``[Arguments] elements``; ``ConfigurationError`` names the bad one."""
    lines = [parse_element(line) for line in text.splitlines() if line.strip()]
    if not lines:
        raise ConfigurationError("set [elements] to one line per element of the stream")
    return lines


def parse_element(line: str) -> ElementLine:
    """Read one line."""
    try:
        parts = shlex.split(line)
        words, options = _sorted(parts)
        return ElementLine(
            tuple(words),
            options.get("name", ""),
            options.get("units", ""),
            _number(options.get("scale", "1")),
            _number(options.get("offset", "0")),
        )
    except ValueError as error:
        raise ConfigurationError(f"element [{line.strip()}]: {error}") from error


def stream_elements(lines: Sequence[ElementLine]) -> list[Element]:
    """Give the elements of a stream made for these lines; those without a name are numbered."""
    return [
        Element(name=line.name or f"Element {number}", units=line.units, index=number - 1)
        for number, line in enumerate(lines, start=1)
    ]


def _sorted(parts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    words: list[str] = []
    options: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name not in _OPTIONS:
            words.append(part)
        elif name in options:
            raise ValueError(f"[{name}] is given twice")
        else:
            options[name] = value
    return words, options


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"[{text}] is not a finite number")
    return value
