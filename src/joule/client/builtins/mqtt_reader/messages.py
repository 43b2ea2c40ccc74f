"""Which element a message has values for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joule.client.sources.json_path import find, parse_path
from joule.client.sources.values import number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from joule.client.sources.complaints import Complaints
    from joule.client.sources.elements import ElementLine
    from joule.client.sources.json_path import Steps


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element's value is: a topic, which may have wildcards, and a place in its JSON."""

    topic: str
    steps: Steps
    element: ElementLine

    @property
    def text(self) -> str:
        """The place as it was given."""
        return " ".join(self.element.words)


def place_of(element: ElementLine) -> Place:
    """Read ``TOPIC`` or ``TOPIC PATH``; ``ConfigurationError`` names the element."""
    if not 1 <= len(element.words) <= 2:
        raise element.fault("give a topic and, if it sends JSON, a path in it")
    topic, path = (*element.words, "$")[:2]
    try:
        return Place(topic, parse_path(path), element)
    except ValueError as error:
        raise element.fault(str(error)) from error


def values_of(
    payload: Any, places: Sequence[Place], matches: Callable[[Place], bool], complaints: Complaints
) -> dict[int, float]:
    """Give the values of a payload by index of their element; bad ones are left out."""
    values: dict[int, float] = {}
    for index, place in enumerate(places):
        if not matches(place):
            continue
        found = find(payload, place.steps)
        if found is None:
            complaints.warn("element [%s]: the message has no such value", place.text)
            continue
        try:
            value = number(found)
        except ValueError as error:
            complaints.warn("element [%s]: %s", place.text, error)
        else:
            values[index] = place.element.apply(value)
    return values
