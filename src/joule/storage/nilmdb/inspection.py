"""A look at a NilmDB server by somebody who is no node: nothing is changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from joule.errors import StorageError
from joule.storage.nilmdb.session import Session

if TYPE_CHECKING:
    from joule.storage.interfaces import Volume

ANSWER_S: Final = 10.0
"""A server that takes longer for three small questions is of no use to a node."""


class Condition(NamedTuple):
    """What a server says: its version, the streams below ``/joule`` and the room on its volume."""

    version: str
    streams: int
    volume: Volume


async def inspect(url: str) -> Condition:
    """Ask a server; ``StorageError`` when it does not answer soon, or is none."""
    session = Session(url)
    try:
        async with asyncio.timeout(ANSWER_S), session:
            version = await session.version()
            paths = [entry.path for entry in await session.entries("/joule/%")]
            _, volume = await session.usage()
    except TimeoutError as error:
        text = f"{session.place} does not answer within {ANSWER_S:g} s"
        raise StorageError(text) from error
    return Condition(version, sum("~" not in path for path in paths), volume)
