"""Web services that are asked for each row."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from joule.client.sources.json_path import find
from joule.client.sources.source import PolledSource, Row, SourceLostError
from joule.client.sources.values import document, number
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping, Sequence

    from joule.client.base_module import BaseModule
    from joule.client.builtins.http_reader.places import Place
    from joule.client.sources.elements import ElementLine
    from joule.client.sources.time_place import TimePlace

_ANSWER_BYTES = 1 << 20
"""A longer answer is no list of values."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How services are asked."""

    timeout_s: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None


class WebServices(PolledSource):
    """Asks each address once per row, all of them together."""

    def __init__(
        self,
        module: BaseModule,
        period_s: float,
        manner: Manner,
        elements: Sequence[tuple[Place, ElementLine]],
        time: TimePlace[Place] | None = None,
    ) -> None:
        super().__init__(module, period_s)
        self._manner = manner
        self._elements = elements
        self._time = time
        places = [place for place, _ in elements] + ([time.place] if time else [])
        self._urls = list(dict.fromkeys(place.url for place in places))
        self.name = "web service"
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold connections that are used again and again."""
        manner = self._manner
        connector = aiohttp.TCPConnector(ssl=manner.tls or True)
        timeout = aiohttp.ClientTimeout(total=manner.timeout_s)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=manner.headers
        ) as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None

    async def poll(self) -> Row:
        """Ask all addresses and give the values of all elements."""
        answers = await asyncio.gather(*map(self._ask, self._urls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        documents = dict(zip(self._urls, answers, strict=True))
        try:
            values = [
                element.apply(number(_at(documents, place))) for place, element in self._elements
            ]
            time = self._time
            return Row(values, time.read(_at(documents, time.place)) if time else None)
        except ValueError as error:
            raise SourceLostError(str(error)) from error

    async def _ask(self, url: str) -> Any:
        assert self._session is not None
        shown = f"[{without_password(url)}]"
        try:
            # Elsewhere our headers, secret ones among them, are nobody's business.
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise SourceLostError(f"{shown} answers {answer.status} {answer.reason}")
                return document(await _body(answer, shown))
        except TimeoutError as error:
            raise SourceLostError(f"{shown} does not answer in time") from error
        except aiohttp.ClientError as error:
            raise SourceLostError(f"{shown}: {error or type(error).__name__}") from error


async def _body(answer: aiohttp.ClientResponse, shown: str) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _ANSWER_BYTES:
            raise SourceLostError(f"{shown} answers with more than {_ANSWER_BYTES} bytes")
    return bytes(body)


def _at(documents: Mapping[str, Any], place: Place) -> Any:
    value = find(documents[place.url], place.steps)
    if value is None:
        raise ValueError(f"[{without_password(place.url)}] has nothing at [{place.path}]")
    return value
