"""Streams that are gone, and their tables: what somebody else is reading goes later.

To drop a table is to wait for all who read it, ``pg_dump`` for hours, while others wait in turn.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from joule.storage.postgres.errors import HeldError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

DROPPED_AT_ONCE: Final = 100
"""So many streams are dropped in one transaction: each of their tables takes a lock or two of the
some 6400 that a server has by default."""

_log = logging.getLogger(__name__)


class Dropper:
    """Drops the tables of streams of one kind, now or later; ``drop`` does it for some at once."""

    def __init__(self, kind: str, drop: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        self._kind = kind
        self._drop = drop
        self._waiting: set[int] = set()

    async def drop(self, stream_ids: Sequence[int]) -> None:
        """Drop the tables of streams; those that are held when :meth:`drop_waiting` is called."""
        self._waiting.update(stream_ids)
        for start in range(0, len(stream_ids), DROPPED_AT_ONCE):
            some = stream_ids[start : start + DROPPED_AT_ONCE]
            try:
                await self._drop(some)
            except HeldError as error:
                _log.warning("the tables of %s %s go later: %s", self._kind, list(some), error)
            else:
                self._waiting.difference_update(some)

    async def drop_waiting(self) -> None:
        """Try again what could not be dropped."""
        await self.drop(sorted(self._waiting))
