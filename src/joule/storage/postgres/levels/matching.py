"""Which children a stored group has: no count is stored with it, but its time tells.

It is the mean of its four children's, rounded down, and children lie in order: among those around
it there is only one run of four that has this mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joule.models.intervals import Interval

CANDIDATES: Final = 3
"""So many groups are looked at from an end inwards; the first is cut off if a range ends in it."""

Cover: TypeAlias = "dict[int, list[Interval]]"
"""Ranges of groups by their level, for each level in order; the groups hold different rows."""


class Match(NamedTuple):
    """A group whose four children lie in a range: its time, and those of its outer children.

    The flags say whether more children lie before and behind them in the range.
    """

    parent: int
    first: int
    last: int
    has_before: bool
    has_behind: bool


def match_of(parent: int, children: Sequence[int]) -> Match | None:
    """Find the four children of a group among those around it, None when they are not all there."""
    for index in range(len(children) - 3):
        four = children[index : index + 4]
        if sum(four) // 4 == parent:
            return Match(parent, four[0], four[-1], index > 0, index + 4 < len(children))
    return None
