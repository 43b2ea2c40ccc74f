"""Where rows come from: something that can be connected to, and lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from joule.client.pacing import ticks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from contextlib import AbstractAsyncContextManager

    from joule.client.base_module import BaseModule


class SourceLostError(Exception):
    """The source cannot be reached, has gone, or does not answer as it should."""


class Row(NamedTuple):
    """One value per element, scaled; without a timestamp (UNIX us) the time of arrival counts."""

    values: Sequence[float]
    timestamp: int | None = None


class Source(ABC):
    """Something outside; ``name`` is what it is called in messages."""

    name: str

    @abstractmethod
    def rows(self) -> AsyncGenerator[Sequence[Row], None]:
        """Connect, and give rows as they come until the connection is lost.

        Raises ``SourceLostError`` then. Can be called again; closing it disconnects.
        """


class PolledSource(Source):
    """Something that has to be asked for each row, at a steady pace."""

    def __init__(self, module: BaseModule, period_s: float) -> None:
        self._module = module
        self._period_s = period_s

    @abstractmethod
    def connected(self) -> AbstractAsyncContextManager[None]:
        """Hold the connection that :meth:`poll` uses."""

    @abstractmethod
    async def poll(self) -> Row:
        """Ask for one row; raises ``SourceLostError`` when there is none to be had."""

    async def rows(self) -> AsyncGenerator[Sequence[Row], None]:
        """Ask now and after every period."""
        async with self.connected():
            async for _ in ticks(self._module, self._period_s):
                yield [await self.poll()]
