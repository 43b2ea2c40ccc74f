"""One node for each database: a lock that a session of its own holds for as long as it lives.

Joule 1.0 does not know this lock; that it does not run at the same time is up to the user.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from joule.errors import StorageInUseError
from joule.storage.postgres.connection.connecting import close_quickly
from joule.storage.postgres.connection.errors import translated
from joule.storage.postgres.connection.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from joule.storage.address import Address

PATIENCE_S: Final = 3.0
"""How long a lock is waited for: the server may not yet have noticed that its owner is dead."""

_RETRY_S: Final = 0.1
_KEY: Final = 0x4A4F554C
"""``JOUL``."""

_TAKE: Final = f"SELECT pg_try_advisory_lock({_KEY}, 1)"
_TAKEN: Final = f"""
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = {_KEY} AND objid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
_WHO: Final = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2
"""


async def is_taken(connection: asyncpg.Connection) -> bool:
    """Tell whether a node uses the database."""
    return bool(await connection.fetchval(_TAKEN))


class NodeLock:
    """The lock of a database; taken again when its session was lost."""

    def __init__(
        self, address: Address, connect: Callable[[], Awaitable[asyncpg.Connection]]
    ) -> None:
        self._address = address
        self._connect = connect
        self.times_taken = 0
        self._session: asyncpg.Connection | None = None
        self._known: tuple[int, int] | None = None
        self._turns = Turns()

    async def hold(self) -> None:
        """Make sure that we have it; ``StorageInUseError`` when another node does."""
        if self._is_held:
            return
        async with self._turns.turn():
            if not self._is_held:
                await self._take()

    async def close(self) -> None:
        """Give it back; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await close_quickly(session)

    @property
    def _is_held(self) -> bool:
        return self._session is not None and not self._session.is_closed()

    async def _take(self) -> None:
        session = await self._connect()
        try:
            with translated(self._address, session):
                await self._end_former(session)
                await self._wait_for(session)
                self._known = tuple(await session.fetchrow(_WHO))
        except BaseException:
            session.terminate()
            raise
        self._session = session
        self.times_taken += 1

    async def _end_former(self, session: asyncpg.Connection) -> None:
        """End the session that we lost, in case the server still believes in it."""
        if self._known is not None:
            await session.execute(_END, *self._known)

    async def _wait_for(self, session: asyncpg.Connection) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while not await session.fetchval(_TAKE):
            if asyncio.get_running_loop().time() > deadline:
                raise StorageInUseError(f"{self._address} is in use by another node")
            await asyncio.sleep(_RETRY_S)
