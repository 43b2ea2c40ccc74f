"""Pages of a range of time, fetched side by side and given in order.

How many rows lie in a stretch of time shows only when they are read. So the first page says how
long the next ones are, each says it of those behind it, and what was too long takes two pages.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from joule.storage.stretch import FIRST_ROW, Stretch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from joule.models.intervals import Interval
    from joule.models.layout import Rows
    from joule.storage.stretch import Indices

    Fetch = Callable[[Interval], Awaitable["Page"]]

PAGES_AHEAD: Final = 3
"""So many pages are fetched at once, each by a session of its own: the server takes most time."""


class Page(NamedTuple):
    """Rows of a range, the breaks before and behind them (index ``len(rows)``), and how far it is.

    ``position`` is the time to go on from in the same range, None at its end.
    """

    rows: Rows
    breaks: Indices
    position: int | None


async def stretches(fetch: Fetch, interval: Interval) -> AsyncGenerator[Stretch, None]:
    """Give the rows of ``[start, end)``; a break at index 0 lies before a stretch."""
    is_broken = False
    async with aclosing(_pages(fetch, interval)) as pages:
        async for rows, breaks, _ in pages:
            if is_broken:
                breaks = np.union1d(FIRST_ROW, breaks)
            inner = breaks[breaks < len(rows)]
            is_broken = len(inner) < len(breaks)
            if len(rows):
                yield Stretch(rows, inner)


async def _pages(fetch: Fetch, interval: Interval) -> AsyncGenerator[Page, None]:
    page = await fetch(interval)
    yield page
    if page.position is None:
        return
    rows_max, length = len(page.rows), _adapted(0, page, 0)
    rest = interval._replace(start=page.position)
    coming: deque[tuple[Interval, asyncio.Future[Page]]] = deque()
    try:
        while coming or rest.start < rest.end:
            while len(coming) < PAGES_AHEAD and rest.start < rest.end:
                part = rest._replace(end=min(rest.start + length, rest.end))
                coming.append((part, asyncio.ensure_future(fetch(part))))
                rest = rest._replace(start=part.end)
            part, task = coming.popleft()
            page = await _result(task)
            if page.position is not None:
                part = part._replace(start=page.position)
                coming.appendleft((part, asyncio.ensure_future(fetch(part))))
            length = _adapted(length, page, rows_max)
            yield page
    finally:
        await _cancel([task for _, task in coming])


def _adapted(length: int, page: Page, rows_max: int) -> int:
    """Give the length of time that holds somewhat fewer rows than fill a page."""
    if page.position is not None:
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
