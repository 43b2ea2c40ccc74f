"""What modules read and write, wherever it is: on this node, or on one that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from joule.config.pipe_spec import PipeSpec
    from joule.models.layout import Rows
    from joule.storage.interfaces import Block


class RowSource(Protocol):
    """Blocks of rows of a stream as they come."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Block: ...

    async def close(self) -> None:
        """Let go of the stream."""
        ...


class RowTarget(Protocol):
    """A stream that is being produced; see :class:`joule.node.Writer`."""

    @property
    def is_open(self) -> bool:
        """Whether rows are taken."""
        ...

    async def write(self, rows: Rows) -> None:
        """Take rows; ``DataError`` when they are against the rules."""
        ...

    async def end_interval(self) -> None:
        """Put a break behind what was written."""
        ...

    async def close(self) -> None:
        """Take nothing more, and do what can be done for what was taken."""
        ...


class RemoteStreams(Protocol):
    """The streams of other nodes. Both raise ``ConfigurationError`` for a node that is unknown.

    ``say`` gets a line when the connection is lost and when it is there again.
    """

    def source(self, spec: PipeSpec, say: Callable[[str], None]) -> RowSource:
        """Follow a stream from now on, over every loss of the connection."""
        ...

    def target(self, spec: PipeSpec, say: Callable[[str], None]) -> RowTarget:
        """Write a stream, which is made if it is missing, as soon as the node can be reached."""
        ...
