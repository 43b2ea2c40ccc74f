"""Nodes whose methods wait for their result.

What is not here is in ``methods.py``, which is made from the node of coroutines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, overload

from joule import api
from joule.api.event_streams import DEFAULT_LIMIT
from joule.api.node import DEFAULT_URL
from joule.api.sync.blocking import Blocking
from joule.api.sync.methods import NodeMethods
from joule.api.sync.pipes import InputPipe, OutputPipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api.event_reading import EventReading
    from joule.api.session import Policy
    from joule.api.targets import DataStreamSpec, EventStreamSpec, ModuleSpec
    from joule.models.events import Event


class Node(NodeMethods):
    """A Joule node, reached at a URL: :class:`joule.api.Node` without ``await``.

    Its methods work everywhere, also where an event loop is running. They run in a thread that
    ends with :meth:`close`, at the end of a ``with`` block or with the program. A node may be used
    by several threads; after a fork the child needs nodes of its own.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        key: str | None = None,
        name: str = "node",
        cafile: str = "",
        verify: bool = True,
        policy: Policy | None = None,
    ) -> None:
        super().__init__(
            api.Node(url, key=key, name=name, cafile=cafile, verify=verify, policy=policy)
        )

    def __repr__(self) -> str:
        return f'<joule.api.sync.{type(self).__name__} url="{self.url}">'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # ------------------------------------------------------------------ rows

    def data_read(
        self,
        stream: DataStreamSpec,
        start: float | None = None,
        end: float | None = None,
        max_rows: int | None = None,
    ) -> InputPipe:
        """Read stored rows through a pipe, which must be closed after use.

        With ``max_rows`` a view with at most about that many rows is given: each row stands for
        ``pipe.decimation_level`` rows (a power of 4) and has three times the elements as float32,
        all means, then all minima, then all maxima. A range without rows gives a pipe that has
        ended.
        """
        thread = self._opened()
        return InputPipe(thread.hold(self._node.data_read(stream, start, end, max_rows)), thread)

    def data_subscribe(self, stream: DataStreamSpec, start: float | None = None) -> InputPipe:
        """Follow the rows of a stream as they are produced, through a pipe that must be closed.

        With ``start`` the rows stored since that time come first, without gap or repetition.
        """
        thread = self._opened()
        return InputPipe(thread.hold(self._node.data_subscribe(stream, start)), thread)

    def data_write(
        self,
        stream: DataStreamSpec,
        start: float | None = None,
        end: float | None = None,
        merge_gap: int = 0,
    ) -> OutputPipe:
        """Write rows through a pipe; they are stored for certain when closing it has returned.

        With a bound the rows in ``[start, end)`` are deleted first. What is written begins a new
        interval, unless the rows before it are at most ``merge_gap`` us earlier.
        """
        thread = self._opened()
        return OutputPipe(thread.run(self._node.data_write(stream, start, end, merge_gap)), thread)

    # ------------------------------------------------------------------ events

    @overload
    def event_stream_read(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        limit: int = DEFAULT_LIMIT,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
        block_size: None = None,
    ) -> list[Event]: ...

    @overload
    def event_stream_read(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        limit: int = DEFAULT_LIMIT,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
        *,
        block_size: int,
    ) -> Iterator[list[Event]]: ...

    def event_stream_read(
        self,
        stream: EventStreamSpec,
        start: float | None = None,
        end: float | None = None,
        limit: int = DEFAULT_LIMIT,
        json_filter: str | None = None,
        include_on_going_events: bool = True,
        block_size: int | None = None,
    ) -> list[Event] | Iterator[list[Event]]:
        """Read events in the order of their start times: a list of the first ``limit``.

        With ``block_size`` all of them are given, in lists of up to that many that are fetched
        as the iteration goes on. Events that are active in ``[start, end)`` are given, or without
        ``include_on_going_events`` those that begin in it.
        """
        reading = self._node.event_stream_read(
            stream, start, end, limit, json_filter, include_on_going_events, block_size
        )
        if block_size is None:
            return self._wait(_listed(reading))
        return self._blocks(reading)

    def _blocks(self, reading: EventReading) -> Iterator[list[Event]]:
        thread, blocks = self._opened(), aiter(reading)

        async def following() -> list[Event] | None:
            return await anext(blocks, None)

        while (block := thread.run(following())) is not None:
            yield block

    # ------------------------------------------------------------------ modules

    def module_log(self, module: ModuleSpec) -> Iterator[str]:
        """Follow what a module prints: the lines of :meth:`module_logs`, then new ones, endlessly.

        It ends when the node stops.
        """
        thread, lines = self._opened(), self._node.module_log(module)

        async def following() -> str | None:
            return await anext(lines, None)

        try:
            while (line := thread.run(following())) is not None:
                yield line
        finally:
            thread.run(lines.aclose())

    # ------------------------------------------------------------------ followers

    def follower_list(self) -> list[TcpNode]:
        """List the nodes that this node may control, ready to be used."""
        return [TcpNode.of(node) for node in self._wait(self._node.follower_list())]

    def follower_delete(self, node: Node | str) -> None:
        """Forget a follower; its key stays valid there."""
        self._wait(self._node.follower_delete(node.name if isinstance(node, Node) else node))

    def follower_remove(self, follower: Node | str) -> None:
        """Forget a follower, as :meth:`follower_delete` does."""
        self.follower_delete(follower)

    @classmethod
    def of(cls, node: api.Node) -> Self:
        """Give the blocking form of a node."""
        made = cls.__new__(cls)
        Blocking.__init__(made, node)
        return made


class TcpNode(Node):
    """A node reached at a URL with a key, under a name chosen here."""

    def __init__(
        self,
        name: str,
        url: str,
        key: str,
        cafile: str = "",
        *,
        verify: bool = True,
        policy: Policy | None = None,
    ) -> None:
        Blocking.__init__(self, api.TcpNode(name, url, key, cafile, verify=verify, policy=policy))


class UnixNode(Node):
    """The node on this host, reached through its UNIX socket without a key."""

    def __init__(
        self, name: str, path: str, cafile: str = "", *, policy: Policy | None = None
    ) -> None:
        Blocking.__init__(self, api.UnixNode(name, path, cafile, policy=policy))


async def _listed(reading: EventReading) -> list[Event]:
    return await reading
