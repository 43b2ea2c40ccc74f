"""A stream of another node as blocks of rows, without gap or repetition over lost connections."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from joule.errors import ConfigurationError, JouleError
from joule.node.remote.patience import Contact
from joule.storage.interfaces import Block

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from joule.api import TcpNode
    from joule.config.pipe_spec import PipeSpec
    from joule.models.layout import Layout, Rows
    from joule.models.pipes import InputPipe
    from joule.node.remote.patience import Patience


class RemoteSource:
    """An endless iterator of :class:`Block`; cancelling a wait for one loses nothing.

    It begins with the rows of the moment in which the other node is reached first. A connection
    that was lost is made again at the last row: what the other node has stored meanwhile comes
    then, and there is a break only where the stream has one.
    """

    def __init__(
        self,
        spec: PipeSpec,
        connect: Callable[[], TcpNode],
        say: Callable[[str], None],
        patience: Patience,
    ) -> None:
        assert spec.layout is not None, "a remote stream has an inline configuration"
        self._spec = spec
        self._layout: Layout = spec.layout
        self._connect = connect
        self._contact = Contact(spec, say, patience)
        self._node: TcpNode | None = None
        self._pipe: InputPipe | None = None
        self._last: int | None = None
        self._is_resumed = False
        self._is_broken = True  # nothing was given that a break could follow
        self._blocks: deque[Block] = deque()
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Block:
        while not self._blocks:
            if self._is_closed:
                raise StopAsyncIteration
            try:
                await self._read(self._pipe or await self._open())
            except JouleError as error:
                await self._leave()
                await self._contact.lost(error)
        return self._blocks.popleft()

    async def close(self) -> None:
        """Let go of the stream."""
        self._is_closed = True
        await self._leave()

    async def _open(self) -> InputPipe:
        self._node = self._connect()
        pipe = await self._node.data_subscribe(self._spec.path, start=self._last)
        if pipe.layout != str(self._layout):
            await pipe.close()
            raise ConfigurationError(f"it has layout {pipe.layout}")
        self._pipe = pipe
        self._is_resumed = self._last is not None
        self._contact.made()
        return pipe

    async def _read(self, pipe: InputPipe) -> None:
        rows = await pipe.read()
        pipe.consume(len(rows))
        if self._is_resumed and len(rows):
            rows = self._beyond_last(rows)
        if len(rows):
            self._last = int(rows["timestamp"][-1])
            self._is_broken = False
            self._blocks.append(Block(rows, starts_interval=False))
        if pipe.end_of_interval:
            self._break()

    def _beyond_last(self, rows: Rows) -> Rows:
        """Leave out the row that was given before; without it there is a break."""
        self._is_resumed = False
        if rows["timestamp"][0] == self._last:
            return rows[1:]
        self._break()
        return rows

    def _break(self) -> None:
        if not self._is_broken:
            self._is_broken = True
            self._blocks.append(Block(self._layout.empty(), starts_interval=True))

    async def _leave(self) -> None:
        pipe, self._pipe = self._pipe, None
        node, self._node = self._node, None
        if pipe is not None:
            await pipe.close()
        if node is not None:
            await node.close()
