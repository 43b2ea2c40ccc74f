"""Requests to a NilmDB server, and its answers: the one place that knows HTTP.

Whatever goes wrong is a ``StorageError``. A :class:`RefusedError` is the server's own word that
nothing was done; after any other error it may have been done or not.
"""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import aiohttp

from joule.errors import StorageError
from joule.models.intervals import Interval
from joule.storage.interfaces import Volume
from joule.utilities.addresses import without_password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from typing import Self

T = TypeVar("T")

_GREETING: Final = re.compile(r"This is NilmDB(?: version ([\w.+-]+))?")
CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
"""A server that says nothing for so long is taken for gone."""

_EXISTS: Final = "stream already exists at this path"
_MISSING: Final = ("No such stream", "No stream at path")


class RefusedError(StorageError):
    """The server has not done what it was asked."""


class MissingError(RefusedError):
    """There is no stream at a path."""


class Entry(NamedTuple):
    """What the server's list says of a path; ``extent`` None without data."""

    path: str
    layout: str
    extent: Interval | None
    rows: int


class Session:
    """An HTTP session with the server at ``url``; an async context manager.

    Entering raises ``StorageError`` when no NilmDB answers there. ``place`` is for messages.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.place = f"NilmDB at [{without_password(self.url)}]"
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S)
        self._client = aiohttp.ClientSession(timeout=timeout)
        try:
            await self.version()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections up. Idempotent."""
        if self._client is not None:
            await self._client.close()

    # ------------------------------------------------------------------ questions

    async def version(self) -> str:
        """Its version, as far as it says one."""
        greeting = _GREETING.search(await self._text("GET", "/"))
        if greeting is None:
            raise StorageError(f"there is no {self.place}")
        return (greeting[1] or "of an unknown version").rstrip(".")

    async def usage(self) -> tuple[int, Volume]:
        """Bytes that its database takes, and what else is on its volume."""
        text = await self._text("GET", "/dbinfo")
        return self._understood(lambda: _usage(json.loads(text)))

    async def entries(self, *patterns: str) -> list[Entry]:
        """List the paths that match; ``%`` stands for anything."""
        params = [("extended", "1"), *(("path", pattern) for pattern in patterns)]
        text = await self._text("GET", "/stream/list", params)
        return self._understood(lambda: [_entry(item) for item in json.loads(text)])

    async def intervals(self, path: str, bounds: Interval) -> list[Interval]:
        """Give the covered time of a path within bounds, as the server tells it."""
        try:
            text = await self._text("GET", "/stream/intervals", _range(path, bounds))
        except MissingError:
            return []
        lines = [line for line in text.splitlines() if line.strip()]
        return self._understood(lambda: [Interval(*json.loads(line)) for line in lines])

    async def count(self, path: str, bounds: Interval) -> int:
        """Count the rows of a path within bounds."""
        params = {**_range(path, bounds), "count": "1"}
        try:
            text = await self._text("GET", "/stream/extract", params)
        except MissingError:
            return 0
        return self._understood(lambda: int(text))

    async def extract(self, path: str, bounds: Interval, bytes_max: int) -> bytes:
        """Give the packed rows within bounds, from the first on.

        Breaks off once there are more than ``bytes_max``; what is given then ends anywhere.
        """
        params = {**_range(path, bounds), "binary": "1"}
        data = bytearray()
        try:
            async with self._answer("GET", "/stream/extract", params) as response:
                async for part in response.content.iter_any():
                    data += part
                    if len(data) > bytes_max:
                        response.close()
                        break
        except MissingError:
            return b""
        return bytes(data)

    # ------------------------------------------------------------------ changes

    async def create(self, path: str, layout: str) -> None:
        """Make a path, unless it is there."""
        try:
            await self._text("POST", "/stream/create", form={"path": path, "layout": layout})
        except RefusedError as error:
            if _EXISTS not in str(error):
                raise

    async def insert(self, path: str, bounds: Interval, data: bytes) -> None:
        """Put packed rows, or none, into a time that is not covered yet, and cover it."""
        params = {**_range(path, bounds), "binary": "1"}
        await self._text("PUT", "/stream/insert", params, body=data)

    async def remove(self, path: str, bounds: Interval) -> None:
        """Remove the rows within bounds; the time is not covered any more."""
        try:
            await self._text("POST", "/stream/remove", form=_range(path, bounds))
        except MissingError:
            return

    async def destroy(self, path: str) -> None:
        """Remove a path that has no rows."""
        try:
            await self._text("POST", "/stream/destroy", form={"path": path})
        except MissingError:
            return

    # ------------------------------------------------------------------ HTTP

    async def _text(
        self,
        method: str,
        route: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> str:
        data = form if body is None else BytesIO(body)
        async with self._answer(method, route, params, data) as response:
            return await response.text()

    @asynccontextmanager
    async def _answer(
        self, method: str, route: str, params: Any = (), data: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._client is not None, "entered"
        try:
            async with self._client.request(
                method, self.url + route, params=params, data=data
            ) as response:
                if response.status != 200:
                    raise _refusal(response.status, await response.text())
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise StorageError(f"{self.place} does not answer: {_reason(error)}") from error

    def _understood(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{self.place} answers in another way") from error


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.InvalidURL):  # it would name the URL, with a password in it
        return "this is no address"
    return str(error) or type(error).__name__


def _range(path: str, bounds: Interval) -> dict[str, str]:
    return {"path": path, "start": str(bounds.start), "end": str(bounds.end)}


def _usage(info: Mapping[str, Any]) -> tuple[int, Volume]:
    volume = Volume(int(info["other"]), int(info["reserved"]), int(info["free"]))
    return int(info["size"]), volume


def _entry(item: list[Any]) -> Entry:
    path, layout, start, end, rows = item[:5]
    extent = None if start is None or not rows else Interval(int(start), int(end))
    return Entry(path, layout, extent, int(rows or 0))


def _refusal(status: int, text: str) -> StorageError:
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text[:200]
    if any(known in message for known in _MISSING):
        return MissingError(message)
    text = f"NilmDB refuses: {message} [{status}]"
    return RefusedError(text) if 400 <= status < 500 else StorageError(text)
