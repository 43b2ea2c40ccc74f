"""Rows that are sent to a node: a pipe whose other end is the body of a request.

Rows are checked when they are written, so that wrong ones are refused with their reason and
nothing of that write is sent. What only the node can find is raised by the next write, or by
closing the pipe.
"""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

from joule.api.row_check import RowCheck
from joule.api.session import translated
from joule.api.upload_body import UploadBody
from joule.errors import ApiError, NodeConnectionError
from joule.models.pipes import OutputPipe
from joule.wire.routes import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

    from joule.api.session import Session
    from joule.models.streams import DataStream


class UploadPipe(OutputPipe):
    """A pipe into a data stream of a node.

    It buffers little; a write waits while the node is slower. :meth:`close` returns when the node
    has stored everything durably. When closing is cancelled, or the pipe is dropped without being
    closed, the connection is given up: the node keeps the rows that it has received.
    """

    def __init__(self, session: Session, stream: DataStream, params: Mapping[str, Any]) -> None:
        super().__init__(stream.name, stream)
        self._check = RowCheck(stream)
        self._body = UploadBody()
        self._open_interval = False
        self._reported = False
        self._request = asyncio.create_task(_upload(session, params, self._body.chunks()))
        self._request.add_done_callback(self._body.stop)

    def __del__(self) -> None:
        if not getattr(self, "closed", True):
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)
            loop = self._request.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._request.cancel)

    # ------------------------------------------------------------------ what a pipe is asked for

    async def _make_room(self) -> None:
        self._raise_fault()

    def _put(self, data: NDArray[np.uint8]) -> None:
        self._check(self.rows_layout.view(data.data))
        self._body.put(data.data)
        self._open_interval = True

    def _put_break(self) -> None:
        if self._open_interval:
            self._body.put(memoryview(bytes(self.rows_layout.row_bytes)))
            self._open_interval = False

    async def _settle(self) -> None:
        await self._body.settle()
        self._raise_fault()

    async def _finish(self) -> None:
        self._put_break()
        self._body.end()
        if self._reported:
            return
        await self._request  # cancelling this cancels the request

    def _raise_fault(self) -> None:
        if not self._request.done():
            return
        self._reported = True
        if self._request.cancelled():
            raise NodeConnectionError("the write was cancelled")
        raise self._request.exception() or ApiError("the node ended the write")


async def _upload(session: Session, params: Mapping[str, Any], body: AsyncIterable[Buffer]) -> None:
    response = await session.open("POST", Route.DATA, params, body)
    with translated(session.url):
        async with response:
            await response.read()
