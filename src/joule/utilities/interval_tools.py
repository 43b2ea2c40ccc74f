"""Interval lists as scripts have them, ``[[start, end], ...]``; the algebra is in the models.

Lists are sorted and their members do not overlap; times are UNIX us, ends exclusive. Adjacent
members stay separate, and results hold no empty pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.intervals import Interval, difference, intersection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["interval_difference", "interval_intersection"]


def interval_difference(
    src: Iterable[Sequence[int]], dest: Iterable[Sequence[int]]
) -> list[list[int]]:
    """Give the time in ``src`` that is not in ``dest``.

    >>> interval_difference([[0, 10]], [[3, 5], [7, 12]])
    [[0, 3], [5, 7]]
    """
    return _plain(difference(_intervals(src), _intervals(dest)))


def interval_intersection(
    src: Iterable[Sequence[int]], dest: Iterable[Sequence[int]]
) -> list[list[int]]:
    """Give the time that is in both ``src`` and ``dest``.

    >>> interval_intersection([[0, 10], [20, 30]], [[3, 25]])
    [[3, 10], [20, 25]]
    """
    return _plain(intersection(_intervals(src), _intervals(dest)))


def _intervals(pairs: Iterable[Sequence[int]]) -> list[Interval]:
    return [Interval(start, end) for start, end in pairs]


def _plain(intervals: Iterable[Interval]) -> list[list[int]]:
    return [[piece.start, piece.end] for piece in intervals]
