"""A cursor's read of the store while it is under way, and whether that is still true."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from joule.models.intervals import Interval
    from joule.node.log import Log
    from joule.storage.interfaces import Block


class StoredRows:
    """Blocks of ``interval``; rows from ``stale_from`` on may have changed since it began."""

    def __init__(self, log: Log, interval: Interval) -> None:
        self.interval = interval
        self.stale_from: int | None = None
        self.taken = 0
        self.is_busy = False
        self._blocks: AsyncIterator[Block] = log.samples.read(log.ref, interval)

    async def take(self) -> Block | None:
        """Give the next block, None behind the last."""
        self.is_busy = True
        try:
            block = await anext(self._blocks)
        except StopAsyncIteration:
            return None
        finally:
            self.is_busy = False
        self.taken += 1
        return block

    def spoil(self, changed: Interval) -> None:
        """Rows in a range were added or removed."""
        first = changed.start if self.stale_from is None else self.stale_from
        self.stale_from = min(first, changed.start)

    def is_true(self, block: Block | None) -> bool:
        """Whether a block that was taken is what a read begun now would give."""
        if self.stale_from is None:
            return True
        return (
            block is not None
            and len(block.rows) > 0
            and int(block.rows["timestamp"][-1]) < self.stale_from
        )

    async def close(self) -> None:
        """Let the store know that no more is wanted."""
        aclose = getattr(self._blocks, "aclose", None)
        if aclose is not None:
            await aclose()
