"""Where a copy takes its rows from: a stream of a node, or of a NilmDB server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from joule.cli import output
from joule.models.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager

    from joule.api import Annotation, DataStream, Node
    from joule.models import Pipe


def name_stream(role: str, path: str) -> None:
    """Print which stream has which role."""
    output.line(f"{role}: \n\t{path}")


class Source(Protocol):
    """A stream that can be read."""

    @property
    def label(self) -> str:
        """What it is on, for messages."""

    @property
    def path(self) -> str:
        """Where it is there."""

    @property
    def stream(self) -> DataStream:
        """Its datatype and elements."""

    async def intervals(self, start: int | None, end: int | None) -> list[Interval]:
        """List its unbroken runs of rows in ``[start, end)``."""

    async def annotations(self, start: int | None, end: int | None) -> list[Annotation]:
        """List its annotations that start in the range."""

    def read(self, start: int, end: int) -> AbstractAsyncContextManager[Pipe]:
        """Open a pipe with its rows in ``[start, end)``, breaks included."""


@dataclass(frozen=True, slots=True)
class NodeStream:
    """A data stream of a node."""

    node: Node
    path: str
    stream: DataStream

    @classmethod
    async def find(cls, node: Node, path: str) -> NodeStream:
        """Look it up; ``StreamNotFound`` when there is none."""
        return cls(node, path, await node.data_stream_get(path))

    @property
    def label(self) -> str:
        """The node's name."""
        return f"node [{self.node.name}]"

    async def intervals(self, start: int | None, end: int | None) -> list[Interval]:
        """List its unbroken runs of rows in ``[start, end)``."""
        found = await self.node.data_intervals(self.stream, start, end)
        return [Interval(*pair) for pair in found]

    async def annotations(self, start: int | None, end: int | None) -> list[Annotation]:
        """List its annotations that start in the range."""
        return await self.node.annotation_get(self.stream, start, end)

    async def join(self, breaks: Iterable[Interval]) -> None:
        """Take breaks out, each given from the row before it to the row behind it."""
        for around in breaks:
            gap = around.end - around.start
            await self.node.data_consolidate(self.stream, gap, around.start, around.end)

    @asynccontextmanager
    async def read(self, start: int, end: int) -> AsyncIterator[Pipe]:
        """Open a pipe with its rows in ``[start, end)``, breaks included."""
        pipe = await self.node.data_read(self.stream, start, end)
        try:
            yield pipe
        finally:
            await pipe.close()
