"""Events that give way to others: they are removed when those are stored, and not before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Self

    from joule.api import Event, EventStream, Node

BLOCK: Final = 5000
MARK: Final = "replaced by joule event copy"


class Replaced:
    """The events of a stream that begin in a range at the time of :meth:`look`.

    They are known by their ids, which rise. A node removes events by their content only, so
    :meth:`remove` marks them in it. Cut at any time, everything begins anew with the next
    :meth:`look`: what has a mark or came in between is one of them then.
    """

    def __init__(self, node: Node, stream: EventStream, start: int | None, end: int | None) -> None:
        self._node = node
        self._stream = stream
        self._start = start
        self._end = end
        self._last_id = 0

    @classmethod
    async def look(
        cls, node: Node, stream: EventStream, start: int | None, end: int | None
    ) -> Self:
        """See which events are there."""
        found = cls(node, stream, start, end)
        async for block in found._blocks():
            found._last_id = max(found._last_id, max(event.id for event in block))
        return found

    async def remove(self) -> None:
        """Remove them, and no others."""
        token = uuid4().hex
        async for block in self._blocks():
            doomed = [event for event in block if event.id <= self._last_id]
            for event in doomed:
                event.content = {**event.content, MARK: token}
            await self._node.event_stream_write(self._stream, doomed)
        is_marked = json.dumps([[[MARK, "is", token]]])
        await self._node.event_stream_remove(self._stream, self._start, self._end, is_marked)

    def _blocks(self) -> AsyncIterator[list[Event]]:
        reading = self._node.event_stream_read(
            self._stream,
            self._start,
            self._end,
            include_on_going_events=False,
            block_size=BLOCK,
        )
        return aiter(reading)
