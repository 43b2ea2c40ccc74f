"""Rows that a node sends: the answer to a read becomes an input pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joule.api.session import translated
from joule.errors import ApiError, NoDataError
from joule.models.pipes import InputPipe
from joule.wire.routes import Route
from joule.wire.rows import layout_and_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientResponse

    from joule.api.session import Session
    from joule.models.streams import DataStream


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


def _pipe(stream: DataStream, response: ClientResponse, url: str) -> InputPipe:
    try:
        layout, level = layout_and_level(response.headers)
    except ValueError as error:
        raise ApiError(f"Invalid node response: {error}") from error
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
