"""Over which time a module can be run, and over which it has been."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from joule.models.intervals import Interval, difference, intersection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joule.client.standalone.network_pipes import Place, Streams

_NEGLIGIBLE_US = 1_000_000
"""Missing ranges of at most this length are not worth a run."""


async def common(places: Iterable[Place], start: int | None, end: int | None) -> list[Interval]:
    """Give the time in ``[start, end)`` in which all of these streams have data."""
    lists = [
        [Interval(*pair) for pair in await place.node.data_intervals(place.stream, start, end)]
        for place in places
    ]
    return reduce(intersection, lists) if lists else []


async def missing(streams: Streams, start: int | None, end: int | None) -> list[Interval]:
    """Give the time for which all inputs, but not all outputs, have data."""
    wanted = await common(streams.inputs.values(), start, end)
    done = await common(streams.outputs.values(), start, end)
    pieces = difference(wanted, done)
    return [piece for piece in pieces if piece.end - piece.start > _NEGLIGIBLE_US]


async def behind_outputs(streams: Streams, end: int | None = None) -> int | None:
    """Give the time behind the data that all outputs have before ``end``; None if one has none."""
    ends: list[int] = []
    for place in streams.outputs.values():
        intervals = await place.node.data_intervals(place.stream, None, end)
        if not intervals:
            return None
        ends.append(intervals[-1][1])
    return min(ends, default=None)
