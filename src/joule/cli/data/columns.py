"""Which columns of a row are shown."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np

    from joule.api import Element
    from joule.models.layout import Rows

_KINDS = ("", " (minimum)", " (maximum)")


def element_list(
    _: click.Context, option: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Give the columns that were typed by number, like ``0,2``; the first one is 0."""
    if text is None:
        return None
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = (-1,)
    if min(numbers) < 0:
        raise click.ClickException("specify elements as a comma separated like 1,4,8")
    return numbers


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a row to take, in order; None takes them all as they come."""

    indices: tuple[int, ...] | None

    @classmethod
    def choose(
        cls, elements: tuple[int, ...] | None, width: int, *, decimated: bool, bounds: bool
    ) -> Columns:
        """Choose columns of a stream of ``width`` elements.

        Decimated rows have all means, then all minima, then all maxima; the latter two are taken
        with ``bounds``. Raises ``ClickException`` for an element the stream does not have.
        """
        if elements is not None and max(elements) >= width:
            raise click.ClickException(f"Maximum element is {width - 1}")
        if elements is None and not decimated:
            return cls(None)
        chosen = tuple(range(width)) if elements is None else elements
        groups = 3 if decimated and bounds else 1
        return cls(tuple(group * width + index for group in range(groups) for index in chosen))

    def take(self, rows: Rows) -> np.ndarray[Any, Any]:
        """Give the values of the columns, ``(n, columns)``."""
        data: np.ndarray[Any, Any] = rows["data"]
        return data if self.indices is None else data[:, list(self.indices)]

    def elements(self, elements: list[Element]) -> list[Element]:
        """Give an element for each column, from those of the stream."""
        if self.indices is None:
            return elements
        width = len(elements)
        return [_described(elements[i % width], _KINDS[i // width]) for i in self.indices]


def _described(element: Element, kind: str) -> Element:
    named = copy.copy(element)
    named.name += kind
    return named
