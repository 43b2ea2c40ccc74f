"""A stream of another node that is written from here: kept in memory until it is stored there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from joule.errors import (
    AccessDeniedError,
    ConfigurationError,
    JouleError,
    NotFoundError,
    StreamNotFound,
)
from joule.models.streams import DataStream, Element
from joule.node.checks import check_rows, owned
from joule.node.remote.patience import Contact
from joule.node.remote.waiting import WaitingRows
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from joule.api import TcpNode
    from joule.api.writing import UploadPipe
    from joule.config.pipe_spec import PipeSpec
    from joule.models.layout import Rows
    from joule.node.remote.patience import Patience


class RemoteTarget:
    """Takes rows at once and delivers them when it can; see :class:`WaitingRows` for how many.

    Rows are sent again after a lost connection unless the other node has stored them.
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
        self._layout = spec.layout
        self._connect = connect
        self._say = say
        self._patience = patience
        self._contact = Contact(spec, say, patience)
        self._rows = WaitingRows(say, str(spec))
        self._last: int | None = None
        self._news = asyncio.Event()
        self._is_open = True
        self._task = asyncio.create_task(self._deliver(), name=f"remote output {spec}")

    @property
    def is_open(self) -> bool:
        """Whether rows are taken."""
        return self._is_open

    async def write(self, rows: Rows) -> None:
        """Take rows later than those before; ``DataError`` when they are against the rules."""
        check_rows(rows, self._layout, self._last, self._spec.name)
        self._last = int(rows["timestamp"][-1])
        self._rows.add(owned(rows))
        self._news.set()

    async def end_interval(self) -> None:
        """Put a break behind what was written."""
        self._rows.end_interval()

    async def close(self) -> None:
        """Take nothing more; what cannot be delivered soon is lost, which is said."""
        self._is_open = False
        self._news.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.close_s):
                await asyncio.shield(self._task)
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._rows.count:
            self._say(f"ERROR: {self._rows.count} rows for [{self._spec}] were not delivered")
            self._rows.clear()

    # ------------------------------------------------------------------ delivering

    async def _deliver(self) -> None:
        while self._is_open or not self._rows.is_empty:
            await self._news.wait()
            if self._rows.is_empty:
                self._news.clear()
                continue
            try:
                async with self._connect() as node:
                    await self._send_to(node)
            except JouleError as error:
                await self._contact.lost(error)

    async def _send_to(self, node: TcpNode) -> None:
        stream = await self._stream(node)
        end = (await node.data_stream_info(stream)).end
        self._rows.begin(end)
        pipe = await node.data_write(stream, merge_gap=self._rows.gap_us(end))
        self._contact.made()
        try:
            await self._send_on(node, stream, pipe)
        except BaseException:
            await self._give_up(pipe)
            raise

    async def _give_up(self, pipe: UploadPipe) -> None:
        """End a pipe that has failed, or is not to be waited for."""
        with contextlib.suppress(JouleError, TimeoutError):
            async with asyncio.timeout(0):
                await pipe.close()

    async def _send_on(self, node: TcpNode, stream: DataStream, pipe: UploadPipe) -> None:
        while self._is_open:
            await self._send_news(pipe)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    None if self._rows.is_empty else self._patience.confirm_s
                ):
                    await self._news.wait()
            if not self._rows.is_empty:
                await self._confirm(node, stream)
        await self._send_news(pipe)
        await pipe.close()
        self._rows.clear()

    async def _send_news(self, pipe: UploadPipe) -> None:
        self._news.clear()
        for rows, starts_interval in self._rows.unsent():
            if starts_interval:
                await pipe.close_interval()
            await pipe.write(rows)

    async def _confirm(self, node: TcpNode, stream: DataStream) -> None:
        """Forget what is stored for certain: accepted before a commit."""
        end = (await node.data_stream_info(stream)).end
        with contextlib.suppress(NotFoundError, AccessDeniedError):  # nodes before 2.0, small keys
            await node.session.post(Route.COMMIT)
        self._rows.confirm(end)

    async def _stream(self, node: TcpNode) -> DataStream:
        try:
            found = await node.data_stream_get(self._spec.path)
        except StreamNotFound:
            elements = [Element(name) for name in self._spec.names or ()]
            new = DataStream(self._spec.name, datatype=self._layout.datatype, elements=elements)
            found = await node.data_stream_create(new, self._spec.folder)
        if found.layout != str(self._layout):
            raise ConfigurationError(f"it has layout {found.layout}")
        return found
