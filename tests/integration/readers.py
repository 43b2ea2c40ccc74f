"""Readers of outside sources, run here against real ones that the test starts."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from joule.client import arguments
from joule.models.pipes import LocalPipe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from joule.client.sources import SourceReader

PATIENCE_S = 30.0

Interval: TypeAlias = "list[tuple[int, list[float]]]"
"""Time and values of each row."""


class Sink(LocalPipe):
    """What a reader has written, as a list of intervals."""

    def __init__(self, layout: str) -> None:
        super().__init__(layout)
        self.intervals: list[Interval] = [[]]

    @property
    def values(self) -> list[list[float]]:
        """The values of all rows."""
        return [values for interval in self.intervals for _, values in interval]

    async def take(self) -> None:
        """Wait for more rows or a break."""
        rows = await self.read()
        self.consume(len(rows))
        self.intervals[-1] += zip(rows["timestamp"].tolist(), rows["data"].tolist(), strict=True)
        if self.end_of_interval:
            self.intervals.append([])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Take rows until something is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await self.take()

    async def rows(self, count: int) -> None:
        """Take this many rows more."""
        wanted = len(self.values) + count
        await self.until(lambda: len(self.values) >= wanted)


@asynccontextmanager
async def running(
    module: SourceReader, sink: Sink, elements: str, *words: str
) -> AsyncIterator[None]:
    """Run a reader, quick to try again, and stop it afterwards."""
    quick = ("--retry", "0.05", "--retry-max", "0.2")
    args = arguments.parse(["--elements", elements, *quick, *words], module.custom_args)
    task = asyncio.create_task(module.run(args, sink))
    try:
        yield
    finally:
        module.stop()
        async with asyncio.timeout(PATIENCE_S):
            await task


@asynccontextmanager
async def again_and_again(
    work: Callable[[int], Awaitable[object]], period_s: float = 0.02
) -> AsyncIterator[None]:
    """Do something with the numbers from 1 on meanwhile, for a source that nobody waits for."""

    ended = asyncio.Event()

    async def working() -> None:
        for number in itertools.count(1):
            await work(number)
            await asyncio.sleep(period_s)
            if ended.is_set():
                break

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(working())
        try:
            yield
        finally:
            ended.set()


async def logged(text: Callable[[], str], wanted: str) -> None:
    """Wait until something has been logged."""
    async with asyncio.timeout(PATIENCE_S):
        while wanted not in text():  # noqa: ASYNC110 - a log tells nobody
            await asyncio.sleep(0.01)
