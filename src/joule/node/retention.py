"""Retention: what is older than a stream keeps is let go, whether or not anyone writes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from joule.errors import StorageError
from joule.models.streams import DataStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.models.events import EventStream
    from joule.node.catalog import Catalog
    from joule.node.clock import Clock
    from joule.node.data import StreamData
    from joule.node.events import EventData

logger = logging.getLogger(__name__)


class Retention:
    """Applies ``keep_us`` to all data streams and event streams."""

    def __init__(self, catalog: Catalog, data: StreamData, events: EventData, clock: Clock) -> None:
        self._catalog = catalog
        self._data = data
        self._events = events
        self._clock = clock

    async def apply(self) -> None:
        """Let go of what is too old now; a stream that fails is logged and does not stop others."""
        for stream in self._limited():
            try:
                await self._apply_to(stream)
            except StorageError:
                logger.exception("cannot remove old data of stream [%s]", stream.name)

    def _limited(self) -> Iterator[DataStream | EventStream]:
        yield from (s for s in self._catalog.data_streams() if s.keep_us > 0)
        yield from (s for s in self._catalog.event_streams() if s.keep_us > 0)

    async def _apply_to(self, stream: DataStream | EventStream) -> None:
        before = self._clock.now_us() - stream.keep_us
        if isinstance(stream, DataStream):
            await self._data.retain(stream, before)
        else:
            await self._events.retain(stream, before)
