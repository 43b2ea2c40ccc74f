"""Rows that a node sends: the answer to a read becomes an input pipe, or one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from joule.api.session import translated
from joule.errors import ApiError, NoDataError, PipeError
from joule.models.framing import split_intervals
from joule.models.layout import joined
from joule.models.pipes import InputPipe
from joule.wire.routes import Route
from joule.wire.rows import layout_and_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientResponse

    from joule.api.session import Session
    from joule.models.layout import Layout, Rows
    from joule.models.streams import DataStream


NO_DATA = "No data in pipe"


async def open_reading(
    session: Session, stream: DataStream, params: Mapping[str, Any]
) -> InputPipe:
    """Ask for rows and give a pipe with the layout and decimation level that the node answers.

    A refusal is raised here; a range without rows gives a pipe that has ended.
    """
    try:
        response = await session.open("GET", Route.DATA, params)
    except NoDataError:
        return InputPipe(name=stream.name, stream=stream, reader=NothingReader())
    try:
        return _pipe(stream, response, session.url)
    except BaseException:
        response.close()
        raise


async def read_array(session: Session, params: Mapping[str, Any]) -> tuple[Rows, int]:
    """Ask for rows and give all of them in an array of the caller's own, and their level.

    The answer says what the rows are, so that nothing needs to be known of the stream. Raises
    ``PipeError`` when there are none.
    """
    try:
        response = await session.open("GET", Route.DATA, params)
    except NoDataError as error:
        raise PipeError(NO_DATA) from error
    with translated(session.url):
        async with response:
            layout, level = _described(response)
            body = [piece async for piece in response.content.iter_any()]
    rows = _joined(body, layout)
    if not len(rows):
        raise PipeError(NO_DATA)
    return rows, level


def _joined(body: list[bytes], layout: Layout) -> Rows:
    """Put the pieces of packed rows together, without the breaks between them."""
    data = bytearray().join(body)
    rows = np.frombuffer(data, layout.dtype, len(data) // layout.row_bytes)
    parts = [part for part, _ in split_intervals(rows) if len(part)]
    if len(parts) > 1:
        return joined(parts)
    return parts[0] if parts else layout.empty()


def _described(response: ClientResponse) -> tuple[Layout, int]:
    try:
        return layout_and_level(response.headers)
    except ValueError as error:
        raise ApiError(f"Invalid node response: {error}") from error


def _pipe(stream: DataStream, response: ClientResponse, url: str) -> InputPipe:
    layout, level = _described(response)
    reader = AnswerReader(response, url)
    pipe = InputPipe(name=stream.name, stream=stream, layout=str(layout), reader=reader)
    pipe.decimation_level = level
    return pipe


class AnswerReader:
    """The body of an answer as the byte stream of a pipe.

    Little is buffered here: when the pipe is not read the node is slowed down.
    """

    def __init__(self, response: ClientResponse, url: str) -> None:
        self._response = response
        self._url = url

    async def read(self, n: int, /) -> bytes:
        """Wait for bytes and give at most ``n`` of them; none at the end of the answer.

        Raises ``NodeConnectionError`` when the answer breaks off.
        """
        if self._response.content.at_eof():
            return b""
        with translated(self._url):
            return await self._response.content.read(n)

    def close(self) -> None:
        """Give the connection up unless the answer has been read to its end."""
        self._response.close()


class NothingReader:
    """A byte stream that has ended."""

    async def read(self, _: int, /) -> bytes:
        """Give nothing."""
        return b""
