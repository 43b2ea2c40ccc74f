"""Pages of a range of time, fetched side by side and given in order.

How many rows lie in a stretch of time shows only when they are read. So it is guessed at first,
each page says it of those behind it, and what was too long takes two pages.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from joule.storage.stretch import FIRST_ROW, Stretch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.storage.stretch import Indices

    Fetch = Callable[[Interval], Awaitable["Page"]]

PAGES_AHEAD: Final = 3
"""So many pages are fetched at once, each by a session of its own: the server takes most time."""


class Page(NamedTuple):
    """Rows of a range, the breaks before and behind them (index ``len(rows)``), and how far it is.

    ``position`` is the time to go on from in the same range, None at its end. ``ends_in_gap``
    says that other rows follow the range, and that it ends in the gap between two intervals.
    """

    rows: Rows
    breaks: Indices
    position: int | None
    ends_in_gap: bool = False


class Pace(NamedTuple):
    """The length of time that is asked for at once, at first, and the rows that fill a page.

    What lies in one of the ``wholes``, apart from each other and in order, is asked for at once.
    """

    length: int
    rows_max: int
    wholes: Sequence[Interval] = ()


async def stretches(fetch: Fetch, interval: Interval, pace: Pace) -> AsyncGenerator[Stretch, None]:
    """Give the rows of ``[start, end)``; a break at index 0 lies before a stretch.

    When the last page ends in a gap, a stretch of no rows comes last.
    """
    is_broken = False
    async with aclosing(_pages(fetch, interval, pace)) as pages:
        async for rows, breaks, position, ends_in_gap in pages:
            if is_broken:
                breaks = np.union1d(FIRST_ROW, breaks)
            inner = breaks[breaks < len(rows)]
            is_broken = len(inner) < len(breaks)
            if len(rows):
                yield Stretch(rows, inner)
            if ends_in_gap and position is None:
                yield Stretch(rows[:0], FIRST_ROW)


async def _pages(fetch: Fetch, interval: Interval, pace: Pace) -> AsyncGenerator[Page, None]:
    rest, length = interval, pace.length
    coming: deque[tuple[Interval, asyncio.Future[Page]]] = deque()
    try:
        while coming or rest.start < rest.end:
            while len(coming) < PAGES_AHEAD and rest.start < rest.end:
                part = _part(rest, length, pace.wholes)
                coming.append((part, asyncio.ensure_future(fetch(part))))
                rest = rest._replace(start=part.end)
            part, task = coming.popleft()
            page = await _result(task)
            length = _adapted(length, page, pace.rows_max)
            if page.position is not None and not coming:
                rest = rest._replace(start=page.position)
            elif page.position is not None:
                part = part._replace(start=page.position)
                coming.appendleft((part, asyncio.ensure_future(fetch(part))))
            yield page
    finally:
        await _cancel([task for _, task in coming])


def _part(rest: Interval, length: int, wholes: Sequence[Interval]) -> Interval:
    """Give the beginning of the rest that is asked for next."""
    end = rest.start + length
    at = bisect_right(wholes, rest.start, key=lambda whole: whole.end)
    if at < len(wholes):
        whole = wholes[at]
        end = whole.end if whole.start <= rest.start else min(end, whole.start)
    return rest._replace(end=min(end, rest.end))


def _adapted(length: int, page: Page, rows_max: int) -> int:
    """Give the length of time that holds somewhat fewer rows than fill a page."""
    if page.position is not None and len(page.rows):
        return max((page.position - int(page.rows["timestamp"][0])) * 7 // 8, 1)
    return length * 2 if 2 * len(page.rows) < rows_max else length


async def _result(task: asyncio.Future[Page]) -> Page:
    try:
        return await task
    finally:
        await _cancel([task])


async def _cancel(tasks: list[asyncio.Future[Page]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
