"""The streams in a backup of a node, as sources of a copy."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joule.api import Annotation, DataStream, Element, Event, EventStream
from joule.models.intervals import ALL_TIME, Interval, bounded
from joule.models.pipes import InputPipe, interval_token
from joule.storage.interfaces import EventQuery, StreamRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from joule.models import Pipe
    from joule.storage.interfaces import (
        AnnotationRecord,
        Block,
        CatalogSnapshot,
        DataStreamRecord,
        Engine,
        EventStreamRecord,
    )

_EVENTS = 5000


class Backup:
    """What an opened store holds, by path."""

    def __init__(self, engine: Engine, catalog: CatalogSnapshot) -> None:
        self._engine = engine
        self._catalog = catalog
        self._folders = {folder.id: folder for folder in catalog.folders}

    def data_streams(self) -> Iterator[StoredStream]:
        """Give its data streams in the order of their paths."""
        notes: dict[int, list[AnnotationRecord]] = {}
        for note in self._catalog.annotations:
            notes.setdefault(note.stream_id, []).append(note)
        paths = {self._path(record): record for record in self._catalog.data_streams}
        for path, record in sorted(paths.items()):
            stream, number = _data_stream(record), record.id
            yield StoredStream(self._engine, path, stream, number, notes.get(number, []))

    def event_streams(self) -> Iterator[tuple[str, EventStream, int]]:
        """Give path, stream and number of its event streams in the order of their paths."""
        paths = {self._path(record): record for record in self._catalog.event_streams}
        for path, record in sorted(paths.items()):
            yield path, _event_stream(record), record.id

    async def events(self, number: int) -> AsyncIterator[list[Event]]:
        """Give the events of a stream in blocks; those that start together come together."""
        waiting: list[Event] = []
        after: tuple[int, int] | None = None
        while True:
            query = EventQuery(ALL_TIME, limit=_EVENTS, after=after)
            texts = await self._engine.events.read_texts(number, query)
            waiting += [Event(start, end, json.loads(text)) for start, _, end, text in texts]
            if len(texts) < _EVENTS:
                break
            after = texts[-1][:2]
            done = [event for event in waiting if event.start_time < after[0]]
            waiting = waiting[len(done) :]
            if done:
                yield done
        if waiting:
            yield waiting

    async def event_count(self, number: int) -> int:
        """Give the number of events of a stream."""
        return (await self._engine.events.info(number)).count

    def _path(self, record: DataStreamRecord | EventStreamRecord) -> str:
        names = [record.name]
        folder = self._folders[record.folder_id]
        while folder.parent_id is not None:
            names.append(folder.name)
            folder = self._folders[folder.parent_id]
        return "/" + "/".join(reversed(names))


@dataclass(frozen=True, slots=True)
class StoredStream:
    """A data stream of a backup: a source of rows."""

    engine: Engine
    path: str
    stream: DataStream
    number: int
    notes: list[AnnotationRecord]

    @property
    def label(self) -> str:
        """What it is on, for messages."""
        return "the backup"

    async def intervals(self, start: int | None, end: int | None) -> list[Interval]:
        """List its unbroken runs of rows in ``[start, end)``."""
        return await self.engine.samples.intervals(self._ref, bounded(start, end))

    async def annotations(self, start: int | None, end: int | None) -> list[Annotation]:
        """List its annotations that start in the range."""
        within = bounded(start, end)
        return [
            Annotation(note.title, note.start, note.end, note.content)
            for note in self.notes
            if within.start <= note.start < within.end
        ]

    @asynccontextmanager
    async def read(self, start: int, end: int) -> AsyncIterator[Pipe]:
        """Open a pipe with its rows in ``[start, end)``, breaks included."""
        blocks = self.engine.samples.read(self._ref, Interval(start, end))
        reader = _Rows(blocks, interval_token(self.stream.layout).tobytes())
        pipe = InputPipe(self.path, self.stream, reader=reader)
        try:
            yield pipe
        finally:
            await pipe.close()

    @property
    def _ref(self) -> StreamRef:
        return StreamRef(self.number, self.stream.rows_layout, self.stream.decimate, self.path)


class _Rows:
    """Blocks as one byte stream, with a token where a break is."""

    def __init__(self, blocks: AsyncIterator[Block], token: bytes) -> None:
        self._blocks = blocks
        self._token = token
        self._rest = memoryview(b"")

    async def read(self, n: int, /) -> memoryview:
        """Give at most ``n`` bytes; none at the end."""
        while not self._rest:
            block = await anext(self._blocks, None)
            if block is None:
                break
            token = self._token if block.starts_interval else b""
            self._rest = memoryview(token + block.rows.tobytes())
        part, self._rest = self._rest[:n], self._rest[n:]
        return part

    async def close(self) -> None:
        """Read no more."""
        aclose = getattr(self._blocks, "aclose", None)
        if aclose is not None:
            await aclose()


def _data_stream(record: DataStreamRecord) -> DataStream:
    elements = [
        Element(
            each.name,
            each.units,
            each.plottable,
            each.display_type,
            offset=each.offset,
            scale_factor=each.scale_factor,
            default_max=each.default_max,
            default_min=each.default_min,
            index=each.index,
        )
        for each in record.elements
    ]
    return DataStream(
        record.name,
        record.description,
        datatype=record.datatype,
        decimate=record.decimate,
        elements=elements,
    )


def _event_stream(record: EventStreamRecord) -> EventStream:
    return EventStream(
        record.name,
        record.description,
        chunk_duration_us=record.chunk_duration_us,
        event_fields=record.event_fields,
    )
