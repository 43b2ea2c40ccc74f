"""INI text as all configuration files use it: ``configparser`` rules, and errors that say where.

Section names are case sensitive, option names are not and come out in lower case; ``%`` is the
interpolation character, a literal one is written ``%%``; ``[DEFAULT]`` applies to every section.
"""

from __future__ import annotations

import configparser
import math
from typing import TYPE_CHECKING, TypeVar

from joule.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
BOOLEANS = configparser.RawConfigParser.BOOLEAN_STATES


class Section:
    """The options of one section; getters raise ``ConfigurationError`` naming the option."""

    def __init__(self, name: str, options: Mapping[str, str]) -> None:
        self.name = name
        self._options = options

    def __contains__(self, option: str) -> bool:
        return option in self._options

    def fault(self, option: str, text: str) -> ConfigurationError:
        """Make the error ``text ([Section] option)``."""
        return ConfigurationError(f"{text} ([{self.name}] {option})")

    def text(self, option: str) -> str | None:
        """Give the value with blanks trimmed, None when the option is absent."""
        try:
            value = self._options.get(option)
        except configparser.InterpolationError as error:
            # What it says of the value is not repeated: that may hold a password.
            raise self.fault(option, "write %% for a literal percent") from error
        return None if value is None else value.strip()

    def required(self, option: str) -> str:
        """Give a value that must be there and not empty."""
        value = self.text(option)
        if not value:
            raise self.fault(option, f"missing {option}")
        return value

    def boolean(self, option: str, default: bool) -> bool:
        """Give a yes/no, true/false, on/off or 1/0 value."""
        value = self.text(option)
        if value is None:
            return default
        if value.lower() not in BOOLEANS:
            raise self.fault(option, f"[{value}] is not yes or no")
        return BOOLEANS[value.lower()]

    def number(self, option: str, default: float) -> float:
        """Give a finite decimal number."""
        value = self.text(option)
        if value is None:
            return default
        number = self.convert(option, float, f"[{value}] is not a number")
        if not math.isfinite(number):
            raise self.fault(option, f"[{value}] is not a finite number")
        return number

    def convert(self, option: str, parse: Callable[[str], T], text: str) -> T:
        """Give ``parse(value)`` of a required option; its ``ValueError`` becomes ``text``."""
        try:
            return parse(self.required(option))
        except ValueError as error:
            raise self.fault(option, text) from error

    def items(self) -> dict[str, str]:
        """Give all options in file order, keys in lower case."""
        return {option: self.text(option) or "" for option in self._options}


def parse_ini(text: str, source: str) -> dict[str, Section]:
    """Read INI text into sections, in file order; ``source`` is the file named in errors."""
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text, source)
    except configparser.Error as error:
        raise ConfigurationError(f"Configuration file error: {one_line(error)}") from error
    return {name: Section(name, parser[name]) for name in parser.sections()}


def main_section(sections: Mapping[str, Section]) -> Section:
    """Give the ``[Main]`` section that every kind of file must have."""
    try:
        return sections["Main"]
    except KeyError as error:
        raise ConfigurationError("missing section [Main]") from error


def one_line(error: Exception) -> str:
    """Give the text of an error without its line breaks."""
    return " ".join(str(error).split())
