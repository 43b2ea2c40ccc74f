"""Reading the past: raw rows, or as many decimated ones as somebody wants to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.errors import InvalidRequestError, NoDataError
from joule.models.decimation import FACTOR, level_for
from joule.storage.interfaces import Block

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.intervals import Interval
    from joule.models.layout import Layout
    from joule.storage.interfaces import SampleStore, StreamRef

RAW = 1
"""Level of rows that are not decimated."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer on its way: ``blocks`` hold rows in ``layout``, each standing for about ``level``.

    Blocks are as in :class:`joule.storage.interfaces.Block`. A decimated row carries the mean time
    of its rows, then all means, all minima and all maxima.
    """

    layout: Layout
    level: int
    blocks: AsyncIterator[Block]


def check_range(interval: Interval) -> None:
    """Raise ``InvalidRequestError`` unless the range has a length."""
    if interval.start >= interval.end:
        raise InvalidRequestError("[start] must be before [end]")


def check_choice(max_rows: int | None, level: int | None) -> None:
    """Raise ``InvalidRequestError`` for a number of rows or a level that there cannot be."""
    if max_rows is not None and max_rows < 1:
        raise InvalidRequestError("[max-rows] must be > 0")
    if level is None:
        return
    if level < 1:
        raise InvalidRequestError("[decimation-level] must be > 0")
    if level != level_for(level, 1):
        raise InvalidRequestError(f"[decimation-level] must be a power of {FACTOR}")


async def open_reading(
    samples: SampleStore,
    ref: StreamRef,
    interval: Interval,
    max_rows: int | None,
    level: int | None,
) -> Reading:
    """Choose the level and begin to read; see ``StreamData.read``."""
    if level is None and max_rows is not None:
        level = level_for(await samples.count(ref, interval), max_rows)
        return (
            _raw(samples, ref, interval)
            if level == RAW
            else _decimated(samples, ref, interval, level)
        )
    if level is not None and level > RAW:
        return _decimated(samples, ref, interval, level)
    return await _raw_with_rows(samples, ref, interval)


def _raw(samples: SampleStore, ref: StreamRef, interval: Interval) -> Reading:
    return Reading(ref.layout, RAW, samples.read(ref, interval))


def _decimated(samples: SampleStore, ref: StreamRef, interval: Interval, level: int) -> Reading:
    return Reading(ref.layout.decimated, level, _groups(samples, ref, interval, level))


async def _groups(
    samples: SampleStore, ref: StreamRef, interval: Interval, level: int
) -> AsyncIterator[Block]:
    async for groups, starts_interval in samples.read_decimated(ref, interval, level):
        yield Block(groups.to_rows(), starts_interval)


async def _raw_with_rows(samples: SampleStore, ref: StreamRef, interval: Interval) -> Reading:
    """Read raw rows; ``NoDataError`` when there are rows, but none in the range."""
    blocks = samples.read(ref, interval)
    first = await anext(blocks, None)
    if first is None and (await samples.info(ref)).rows:
        raise NoDataError("this stream has no data")
    return Reading(ref.layout, RAW, _resumed(first, blocks))


async def _resumed(first: Block | None, blocks: AsyncIterator[Block]) -> AsyncIterator[Block]:
    if first is not None:
        yield first
    async for block in blocks:
        yield block
