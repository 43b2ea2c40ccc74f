"""How a transaction ended whose connection broke at the commit.

Each transaction that writes leaves a mark of its own in ``joule.mark``, in a row that no other one
uses at that time. Afterwards the mark is there, or it is not: the row is locked for the question,
so that a session that is still at it is waited for. Numbers of transactions would not do: after a
crash PostgreSQL may give one again that never reached its log.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from joule.errors import StorageError
from joule.storage.postgres.connection.connecting import close_quickly
from joule.storage.postgres.connection.errors import OutcomeUnknownError, translated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import asyncpg

    from joule.storage.address import Address

PATIENCE_S: Final = 20.0
_RETRY_S: Final = 0.5
_LOCK_TIMEOUT_MS: Final = 5000

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS joule.mark (place int PRIMARY KEY, mark uuid NOT NULL);
"""
# As a write, so that it waits for a session which has not ended yet, even for one that has just
# put the first mark in this place, which nobody else can see.
_LOOK: Final = """
INSERT INTO joule.mark VALUES ($1, gen_random_uuid())
ON CONFLICT (place) DO UPDATE SET mark = joule.mark.mark RETURNING mark
"""


class Marks:
    """The places for marks; ``connect`` makes a connection of its own for the question."""

    def __init__(
        self, address: Address, connect: Callable[[], Awaitable[asyncpg.Connection]]
    ) -> None:
        self._address = address
        self._connect = connect
        self._free: list[int] = []
        self._places = 0

    @contextmanager
    def place(self) -> Iterator[int]:
        """Give a place that nobody else uses for as long as the block runs."""
        if self._free:
            place = self._free.pop()
        else:
            self._places = place = self._places + 1
        try:
            yield place
        except OutcomeUnknownError:
            raise  # its row may be locked for ever
        except BaseException:
            self._free.append(place)
            raise
        self._free.append(place)

    def leave(self, place: int) -> tuple[UUID, str]:
        """Give a new mark and the statement that leaves it, within the transaction to come."""
        mark = uuid4()
        return mark, (
            f"INSERT INTO joule.mark VALUES ({place}, '{mark}') "
            "ON CONFLICT (place) DO UPDATE SET mark = excluded.mark"
        )

    async def is_there(self, place: int, mark: UUID) -> bool:
        """Tell whether the transaction that left a mark was committed.

        Asks until there is an answer; ``OutcomeUnknownError`` when that takes too long.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return await self._ask(place) == mark
            except StorageError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise OutcomeUnknownError(
                        f"nobody knows whether the last changes are stored: {error}"
                    ) from error
            await asyncio.sleep(_RETRY_S)

    async def _ask(self, place: int) -> UUID | None:
        connection = await self._connect()
        try:
            with translated(self._address, connection):
                await connection.execute(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}")
                mark: UUID | None = await connection.fetchval(_LOOK, place)
                return mark
        finally:
            await close_quickly(connection)
