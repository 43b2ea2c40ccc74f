"""What is new in the streams of an exporter, put into an archive."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from joule.errors import NoDataError, StreamNotFound
from joule.models.filters import EventFilter
from joule.models.intervals import ALL_TIME, MAX_TIME, MIN_TIME, Interval
from joule.node.archives.files import in_thread
from joule.node.archives.marks import EventMark, RowMark
from joule.node.archives.members import BLOCK_EVENTS_BYTES_MAX, BLOCK_EVENTS_MAX
from joule.node.archives.thinning import Thinner
from joule.storage.interfaces import Block, EventQuery

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from joule.config.exporter_conf import DataSource, EventSource, ExporterConf
    from joule.models.events import Event, EventStream
    from joule.models.layout import Rows
    from joule.models.streams import DataStream
    from joule.node.archives.marks import Marks
    from joule.node.archives.writer import ArchiveWriter
    from joule.node.local_node import LocalNode

ARCHIVE_BYTES_MAX = 256 << 20
"""An archive with more rows and events than this is closed; the rest goes into the next one."""

FIRST_EVENTS = 16
"""So many are read at first, when nobody knows how long they are."""

logger = logging.getLogger(__name__)


class Collector:
    """Fills one archive and moves the marks; ``has_more`` says that it became full before the end.

    With ``until`` it makes an archive of the past again: nothing behind these marks is taken, and
    it may become as large as it was.
    """

    def __init__(
        self, node: LocalNode, archive: ArchiveWriter, marks: Marks, until: Marks | None = None
    ) -> None:
        self.has_more = False
        self._node = node
        self._archive = archive
        self._marks = marks
        self._until = until

    async def collect(self, conf: ExporterConf) -> None:
        """Put everything new into the archive; streams that are not there are left out."""
        for data in conf.data:
            try:
                await self._data(data, self._node.catalog.data_stream(data.path))
            except StreamNotFound:
                logger.debug("exporter [%s]: there is no [%s]", conf.name, data.path)
        for events in conf.events:
            try:
                await self._events(events, self._node.catalog.event_stream(events.path))
            except StreamNotFound:
                logger.debug("exporter [%s]: there is no [%s]", conf.name, events.path)

    @property
    def _is_full(self) -> bool:
        if self._until is None and self._archive.bytes >= ARCHIVE_BYTES_MAX:
            self.has_more = True
        return self.has_more

    # ------------------------------------------------------------------ rows

    async def _data(self, source: DataSource, stream: DataStream) -> None:
        part = await in_thread(self._archive.data, source.label, source.path, stream)
        mark = self._marks.data.get(source.label)
        last = None if mark is None else mark.last
        thinner = Thinner(source.decimation_factor)

        async def add(thinned: Iterable[tuple[Rows, bool]]) -> None:
            nonlocal last
            for means, has_break in thinned:
                await in_thread(part.add, means, last, has_break)
                last = int(means["timestamp"][-1])

        async with aclosing(self._new_rows(source.label, stream)) as blocks:
            async for rows, starts_interval in blocks:
                await add(thinner.feed(rows, starts_interval=starts_interval))
                if self._is_full:
                    break
        if self._until is not None:  # an interval ended where an archive of the past ends
            await add(thinner.end())
        if thinner.next is not None and last is not None:
            self._marks.data[source.label] = RowMark(thinner.next, last)

    async def _new_rows(self, label: str, stream: DataStream) -> AsyncGenerator[Block, None]:
        """Give the rows behind the mark, and whether a break lies before each block of them.

        The last row that was exported is read with them, to learn of a break behind it.
        """
        mark = self._marks.data.get(label)
        interval = self._interval(label, mark)
        if interval is None:
            return
        awaits_mark = mark is not None
        async with aclosing(self._blocks(stream, interval)) as blocks:
            async for rows, starts_interval in blocks:
                if not awaits_mark or not len(rows):
                    yield Block(rows, starts_interval)
                elif int(rows["timestamp"][0]) == interval.start:
                    yield Block(rows[1:], starts_interval=False)
                else:
                    yield Block(rows, starts_interval=True)  # the row at the mark is gone
                awaits_mark = awaits_mark and not len(rows)

    def _interval(self, label: str, mark: RowMark | None) -> Interval | None:
        """Give the range to read, the row at the mark included; None when there is nothing."""
        start, end = MIN_TIME if mark is None else mark.next - 1, MAX_TIME
        if self._until is not None:
            until = self._until.data.get(label)
            if until is None:
                return None
            end = until.next
        return Interval(start, end) if start < end else None

    async def _blocks(self, stream: DataStream, interval: Interval) -> AsyncGenerator[Block, None]:
        try:
            reading = await self._node.data.read(stream, interval)
        except NoDataError:
            return
        async for block in reading.blocks:
            yield block

    # ------------------------------------------------------------------ events

    async def _events(self, source: EventSource, stream: EventStream) -> None:
        part = await in_thread(self._archive.events, source.label, source.path, stream)
        until = EventMark(MAX_TIME, MAX_TIME)
        if self._until is not None:
            until = self._until.events.get(source.label, EventMark(MIN_TIME, MIN_TIME))
        where = None if source.filter is None else EventFilter.parse(source.filter)
        limit = min(FIRST_EVENTS, BLOCK_EVENTS_MAX)
        while not self._is_full:
            after = self._marks.events.get(source.label)
            query = EventQuery(ALL_TIME, where=where, limit=limit, after=after)
            found = await self._node.events.read(stream, query)
            wanted = [each for each in found if _mark(each) <= until]
            before = self._archive.bytes
            if wanted:
                await in_thread(part.add, wanted)
                self._marks.events[source.label] = _mark(wanted[-1])
            if len(wanted) < limit:
                return
            limit = next_limit(limit, self._archive.bytes - before)


def next_limit(events: int, size_bytes: int) -> int:
    """Give how many events to read when the last ones were of this size: about one file of them."""
    fitting = events * BLOCK_EVENTS_BYTES_MAX // max(size_bytes, 1)
    return max(1, min(fitting, 4 * events, BLOCK_EVENTS_MAX))


def _mark(event: Event) -> EventMark:
    return EventMark(event.start_time, event.id)
