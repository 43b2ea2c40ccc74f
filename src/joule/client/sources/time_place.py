"""Where in a payload its time is, if that counts and not the time of arrival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from joule.client.sources.options import add_option, choice
from joule.client.sources.values import TIME_UNITS, timestamp
from joule.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class TimePlace(Generic[Place]):
    """The place of the time, and the unit it is in when it is a number."""

    place: Place
    unit: str

    def read(self, value: object) -> int:
        """Make UNIX us of what is there; ``ValueError`` when it is no time."""
        return timestamp(value, self.unit)


def add_time_options(parser: argparse.ArgumentParser, text: str) -> None:
    """Add place and unit of the time; ``text`` says what a place is."""
    add_option(parser, "timestamp", f"where the time of a row is: {text} [the time of arrival]")
    add_option(parser, "timestamp-unit", "unit of times that are numbers: s, ms or us", "s")


def time_place(args: argparse.Namespace, parse: Callable[[str], Place]) -> TimePlace[Place] | None:
    """Give where the time is, None when that of arrival counts."""
    unit = choice(args, "timestamp_unit", tuple(TIME_UNITS))
    if not args.timestamp:
        return None
    try:
        return TimePlace(parse(args.timestamp), unit)
    except ValueError as error:
        raise ConfigurationError(f"timestamp: {error}") from error
