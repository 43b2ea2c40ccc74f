"""HTTP with one node: connections that are reused, retries, and errors as exceptions.

A session outlives event loops. Its connections belong to the loop that opened them and are closed
with it; the next request in another loop opens new ones. It knows no noun of the API.
"""

from __future__ import annotations

import asyncio
import json as codec
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from joule.api.bodies import encoded, value_of
from joule.errors import ApiError, NodeConnectionError
from joule.utilities.addresses import without_password
from joule.wire.faults import FAULT_HEADER, error_from

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterable,
        Awaitable,
        Callable,
        Iterator,
        Mapping,
    )

    import aiohttp
    from typing_extensions import Buffer

    from joule.api.transport import Transport

    _Answer: TypeAlias = tuple[aiohttp.ClientResponse, bytes]

READ_BUFFER_BYTES = 1 << 20
"""When twice as much of an answer waits on this side, the node is slowed down."""

UNTRUSTED = "the specified certificate authority did not validate this server"

_JSON_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Policy:
    """How patient a session is.

    When not the node answers but something on the way to it, with 501 and above, the request is
    made again ``retries`` times, ``retry_delay_s`` apart: always if it only asks, after 503 (not
    passed on) also if it changes something. Without an answer nothing is tried again, nor is data
    that is written. ``timeout_s`` limits one request and its answer,
    None for as long as it takes; data that is read or written has no such limit.
    ``connect_timeout_s`` limits the wait for a connection.
    """

    retries: int = 8
    retry_delay_s: float = 2.0
    timeout_s: float | None = None
    connect_timeout_s: float = 30.0


class Session:
    """Requests to the node at the end of ``transport``."""

    def __init__(self, transport: Transport, policy: Policy | None = None) -> None:
        self.transport = transport
        self.policy = policy or Policy()
        self._client: aiohttp.ClientSession | None = None
        self._lifetime: AsyncGenerator[aiohttp.ClientSession, None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Where the node's routes begin."""
        return self.transport.url

    async def get(self, route: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask for JSON; None when the answer is ``ok``.

        Like the other verbs it raises the :exc:`joule.errors.ApiError` that the node answers
        with, and ``NodeConnectionError`` when there is no answer.
        """
        return value_of(await self.text("GET", route, params))

    async def put(self, route: str, body: Mapping[str, Any]) -> Any:
        """Send JSON that changes something."""
        return value_of(await self.text("PUT", route, None, encoded(body)))

    async def post(
        self,
        route: str,
        body: Mapping[str, Any] | bytes | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send JSON, which may be encoded already, parameters or both."""
        content = body if body is None or isinstance(body, bytes) else encoded(body)
        return value_of(await self.text("POST", route, params, content))

    async def delete(self, route: str, params: Mapping[str, Any]) -> Any:
        """Remove what the parameters name."""
        return value_of(await self.text("DELETE", route, params))

    async def upload(self, route: str, body: AsyncIterable[Buffer]) -> Any:
        """Send a body of any size and give the JSON of the answer; it is sent only once."""
        response = await self.open("POST", route, data=body)
        with translated(self.url):
            async with response:
                return value_of(await response.read())

    async def open(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        data: AsyncIterable[Buffer] | None = None,
    ) -> aiohttp.ClientResponse:
        """Give an answer of status 200 whose body is still to come, without limit of time.

        The caller closes it. ``data`` is sent while the answer is awaited, and only once.
        """
        begin = partial(self._begin, method, route, params, data)
        response, refusal = await (self._patiently(method, begin) if data is None else begin())
        if response.status != 200:
            raise _fault(response, refusal)
        return response

    async def close(self) -> None:
        """Close the connections of this loop; a later request opens new ones."""
        lifetime, self._lifetime, self._client = self._lifetime, None, None
        if lifetime is not None and self._loop is asyncio.get_running_loop():
            await lifetime.aclose()

    async def text(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
    ) -> bytes:
        """Send a request and give the text of its answer, which :func:`value_of` reads."""
        exchange = partial(self._exchange, method, route, params, body)
        response, content = await self._patiently(method, exchange)
        if response.status != 200:
            raise _fault(response, content)
        return content

    async def _patiently(self, method: str, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask until it is the node that answers, as often as the policy says."""
        attempts = 1 + (self.policy.retries if self.transport.passes_gateways else 0)
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(self.policy.retry_delay_s)
            answer = await ask()
            if not _may_be_repeated(method, answer[0]):
                return answer
        if attempts > 1:
            raise ApiError(f"API Error [{answer[0].status}]: max retry count exceeded")
        return answer

    async def _begin(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None,
        data: AsyncIterable[Buffer] | None,
    ) -> _Answer:
        """Send a request; of its answer only a refusal is read, and then it is closed."""
        client = await self._opened_client()
        with translated(self.url):
            response = await client.request(method, self._address(route), params=params, data=data)
            if response.status == 200:
                return response, b""
            async with response:
                return response, await response.read()

    async def _exchange(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None,
        body: bytes | None,
    ) -> _Answer:
        client = await self._opened_client()
        headers = None if body is None else _JSON_HEADERS
        with translated(self.url):
            async with (
                asyncio.timeout(self.policy.timeout_s),
                client.request(
                    method, self._address(route), params=params, data=body, headers=headers
                ) as response,
            ):
                return response, await response.read()

    def _address(self, route: str) -> str:
        return f"{self.url}{route}"

    async def _opened_client(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._client is None or self._client.closed or self._loop is not loop:
            self._loop = loop
            self._lifetime = _client_lifetime(self.transport, self.policy)
            self._client = await anext(self._lifetime)
        return self._client


async def _client_lifetime(
    transport: Transport, policy: Policy
) -> AsyncGenerator[aiohttp.ClientSession, None]:
    """Give a client that is closed when this generator is.

    A loop closes the generators begun in it before it ends, so that connections left open by
    ``asyncio.run`` are closed in the loop they belong to, without being told.
    """
    import aiohttp  # who never asks a node does without it

    client = aiohttp.ClientSession(
        connector=transport.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=transport.headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=policy.connect_timeout_s),
        read_bufsize=READ_BUFFER_BYTES,
    )
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise what goes wrong below HTTP as the errors of this package."""
    import aiohttp  # the client that is in use has loaded it

    try:
        yield
    except ApiError:  # one of them is an OSError too
        raise
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise NodeConnectionError(UNTRUSTED) from error
    except (aiohttp.InvalidURL, UnicodeError) as error:  # the name of a host has its rules, too
        raise ApiError(f"Invalid node URL [{without_password(url)}]") from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        shown = without_password(url)
        raise NodeConnectionError(f"Cannot contact node at [{shown}]") from error


def _may_be_repeated(method: str, response: aiohttp.ClientResponse) -> bool:
    """Whether a gateway answered for the node, and the node cannot have done what was asked."""
    if response.status <= 500 or FAULT_HEADER in response.headers:
        return False
    return method == "GET" or response.status == 503


def _fault(response: aiohttp.ClientResponse, content: bytes) -> ApiError:
    text = content.decode("utf-8", "replace")
    if response.content_type == "application/json":
        text = _reason(text)
    return error_from(response.status, text, response.headers.get(FAULT_HEADER))


def _reason(text: str) -> str:
    """Give the reason out of ``{"error": ...}``, the form of some refusals."""
    try:
        answer = codec.loads(text)
    except ValueError:
        return text  # a bare text labelled as JSON
    return str(answer["error"]) if isinstance(answer, dict) and "error" in answer else text
