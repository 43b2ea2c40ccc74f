"""Streams that are gone, and their tables: what somebody else is reading goes later.

To drop a table is to wait for all who read it, ``pg_dump`` for hours, while others wait in turn.
What could not be dropped is noted in ``joule.dropping``, for the node may stop before it can be.
Nothing is dropped for its name alone: Joule 1.0 leaves tables of the same names behind.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from joule.storage.postgres.connection.errors import HeldError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from asyncpg import Connection

    from joule.storage.postgres.connection.server import Server

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS joule.dropping (
    kind text NOT NULL, stream_id int NOT NULL, PRIMARY KEY (kind, stream_id)
);
"""

DROPPED_AT_ONCE: Final = 100
"""So many streams are dropped in one transaction: each of their tables takes a lock or two of the
some 6400 that a server has by default."""

DATA_STREAMS: Final = "data streams"
EVENT_STREAMS: Final = "event streams"

_CATALOG: Final = {DATA_STREAMS: "metadata.stream", EVENT_STREAMS: "metadata.eventstream"}

_NOTED: Final = """
SELECT stream_id FROM joule.dropping
WHERE kind = $1 AND NOT EXISTS (SELECT FROM {catalog} WHERE id = stream_id)
"""
_NOTE: Final = """
INSERT INTO joule.dropping SELECT $1, unnest($2::int[]) ON CONFLICT DO NOTHING
"""
_FORGET: Final = "DELETE FROM joule.dropping WHERE kind = $1 AND stream_id = ANY ($2::int[])"

_log = logging.getLogger(__name__)


class Dropper:
    """Drops the tables of streams of one kind, now or later; ``drop`` does it for some at once."""

    def __init__(
        self, server: Server, kind: str, drop: Callable[[Sequence[int]], Awaitable[None]]
    ) -> None:
        self._server = server
        self._kind = kind
        self._drop = drop
        self._waiting: set[int] = set()
        self._noted: set[int] | None = None
        """What the database knows of, None until it was asked."""

    async def drop(self, stream_ids: Sequence[int]) -> None:
        """Drop the tables of streams; those that are held when :meth:`drop_waiting` is called."""
        self._waiting.update(stream_ids)
        for start in range(0, len(stream_ids), DROPPED_AT_ONCE):
            some = stream_ids[start : start + DROPPED_AT_ONCE]
            try:
                await self._drop(some)
            except HeldError as error:
                _log.warning("the tables of %s %s go later: %s", self._kind, list(some), error)
                await self._note(some)
            else:
                self._waiting.difference_update(some)
                await self._forget(some)

    async def drop_waiting(self) -> None:
        """Try again what could not be dropped, also before the last start."""
        self._waiting |= await self._known()
        await self.drop(sorted(self._waiting))

    # ------------------------------------------------------------------ what the database knows

    async def _known(self) -> set[int]:
        """Give what was noted of streams that are in the catalog no more."""
        if self._noted is None:
            sql = _NOTED.format(catalog=_CATALOG[self._kind])
            rows = await self._server.read(lambda connection: connection.fetch(sql, self._kind))
            self._noted = {int(id_) for (id_,) in rows}
        return self._noted

    async def _note(self, stream_ids: Sequence[int]) -> None:
        known = await self._known()
        if not known.issuperset(stream_ids):
            await self._server.write(partial(self._record, _NOTE, stream_ids))
            known.update(stream_ids)

    async def _forget(self, stream_ids: Sequence[int]) -> None:
        known = await self._known()
        if not known.isdisjoint(stream_ids):
            await self._server.write(partial(self._record, _FORGET, stream_ids))
            known.difference_update(stream_ids)

    async def _record(self, sql: str, ids: Iterable[int], connection: Connection) -> None:
        await connection.execute(sql, self._kind, list(ids))
