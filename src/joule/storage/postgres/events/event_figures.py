"""What is known of how much is stored in event streams, so that it is counted only once.

PostgreSQL counts rows by reading them all. A node has its database for itself, so what was counted
holds until it is changed here: new events are added to it, anything else has it counted anew.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from joule.storage.interfaces import EventInfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


class EventFigures:
    """Number and bounds of the events of each stream, as far as known; bytes are left at 0."""

    def __init__(self) -> None:
        self._known: dict[int, EventInfo] = {}
        self._changing: Counter[int] = Counter()
        self._changes: Counter[int] = Counter()

    @contextmanager
    def changing(self, stream_id: int) -> Iterator[None]:
        """Let nothing be believed that is counted while a stream is changed."""
        self._changing[stream_id] += 1
        self._changes[stream_id] += 1
        try:
            yield
        except BaseException:
            self.forget(stream_id)
            raise
        finally:
            self._changing[stream_id] -= 1

    def add(self, stream_id: int, new: EventInfo) -> None:
        """Note events that were added; what was counted before they were does not have them."""
        known = self._known.get(stream_id)
        if known is not None:
            self._known[stream_id] = EventInfo(
                known.count + new.count,
                min(
                    (start for start in (known.start, new.start) if start is not None), default=None
                ),
                max((end for end in (known.end, new.end) if end is not None), default=None),
            )

    def forget(self, stream_id: int) -> None:
        """Have a stream counted anew."""
        self._known.pop(stream_id, None)

    def forget_all(self) -> None:
        """Have all streams counted anew."""
        self._known.clear()

    async def of(self, stream_id: int, count: Callable[[], Awaitable[EventInfo]]) -> EventInfo:
        """Give what is known of a stream, or ``count`` it."""
        known = self._known.get(stream_id)
        if known is not None:
            return known
        changes = self._changes[stream_id]
        counted = await count()
        if not self._changing[stream_id] and changes == self._changes[stream_id]:
            self._known[stream_id] = counted
        return counted
