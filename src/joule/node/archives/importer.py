"""One archive on its way in: each of its streams to where the importer's file says."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joule.errors import JouleError, StorageError, StreamNotFound
from joule.models.base import KEEP_NONE
from joule.models.events import EventStream
from joule.models.streams import DataStream
from joule.node.archives.event_import import EventImport
from joule.node.archives.files import in_thread
from joule.node.archives.row_import import RowImport
from joule.utilities.archive_tools import NOT_IMPORTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import TypeVar

    from joule.config.importer_conf import DataTarget, EventTarget, ImporterConf
    from joule.models.streams import StreamKind
    from joule.node.archives.reader import ArchiveReader, DataPart, EventPart
    from joule.node.local_node import LocalNode
    from joule.utilities import ImportLogger

    T = TypeVar("T")

DATA, EVENTS = "data_stream", "event_stream"
_DONE: Any = object()
_EPOCH = datetime(1970, 1, 1)


class Import:
    """Carries out an importer for one archive and reports.

    What is there already is left as it is, so an archive may come again, wholly or after it was
    broken off. A fault of one stream does not keep the others out; ``StorageError`` ends it all.
    """

    def __init__(self, node: LocalNode, conf: ImporterConf, report: ImportLogger) -> None:
        self._node = node
        self._data = {target.label: target for target in conf.data}
        self._events = {target.label: target for target in conf.events}
        self._report = report

    async def run(self, archive: ArchiveReader) -> None:
        """Import everything; durable on return."""
        for data in archive.data:
            target = self._data.get(data.label)
            if self._begins(data.label, target, DATA, "data stream"):
                assert target is not None
                await self._guarded(self._import_data(archive, data, target), target.path)
        for events in archive.events:
            event_target = self._events.get(events.label)
            if self._begins(events.label, event_target, EVENTS, "event stream"):
                assert event_target is not None
                work = self._import_events(archive, events, event_target)
                await self._guarded(work, event_target.path)
        await self._node.commit()

    def _begins(
        self, label: str, target: DataTarget | EventTarget | None, kind: str, noun: str
    ) -> bool:
        """Let the messages be about a stream from now on; say whether it is imported."""
        self._report.set_metadata(label, None if target is None else target.path, kind)
        if target is None:
            self._report.warning(f"No match for {noun} with label [{label}]")
        return target is not None

    async def _guarded(self, work: Any, path: str) -> None:
        try:
            await work
        except StorageError:
            raise
        except JouleError as error:
            self._report.error(f"{NOT_IMPORTED} into {path}: {error}")

    # ------------------------------------------------------------------ the kinds of streams

    async def _import_data(
        self, archive: ArchiveReader, part: DataPart, target: DataTarget
    ) -> None:
        stream = await self._target(DataStream, target.path, part.stream, "data stream")
        if fault := _fault(stream, part):
            self._report.error(f"{NOT_IMPORTED} into {target.path}: {fault}")
            return
        rows = RowImport(self._node, stream, target.merge_gap_us, part.previous)
        try:
            async for piece in stepped(archive.rows(part)):
                if piece is None:
                    rows.end_interval()
                else:
                    await rows.add(piece)
        finally:
            rows.leave()
            self._tell_of_rows(rows, target.path)

    def _tell_of_rows(self, rows: RowImport, path: str) -> None:
        if rows.count:
            self._report.info(f"importing {rows.count} rows of data into {path}")
        if rows.unfit:
            self._report.warning(f"left out {rows.unfit} rows with values that are not finite")
        if rows.first_known is not None:
            self._report.error(f"data at {_written(rows.first_known)} already exists in target")

    async def _import_events(
        self, archive: ArchiveReader, part: EventPart, target: EventTarget
    ) -> None:
        stream = await self._target(EventStream, target.path, part.stream, "event stream")
        events = EventImport(self._node.events, stream, target.on_conflict)
        try:
            async for block in stepped(archive.event_blocks(part)):
                await events.add(block)
            await events.finish()
        finally:
            self._tell_of_events(events, target.path)

    def _tell_of_events(self, events: EventImport, path: str) -> None:
        if events.count:
            self._report.info(f"imported {events.count} events into {path}")
        if events.unfit:
            self._report.warning(f"left out {events.unfit} events with impossible times")
        if events.known:
            self._report.error(f"{events.known} events already exist in target")

    async def _target(
        self, kind: type[StreamKind], path: str, model: StreamKind, noun: str
    ) -> StreamKind:
        """Give the stream of a path, made like ``model`` if it is missing."""
        try:
            return self._node.catalog.stream(kind, path)
        except StreamNotFound:
            folder, _, name = path.rpartition("/")
        new = copy(model)
        new.name = name
        made = await self._node.catalog.create_stream(new, folder or "/")
        self._report.info(f"creating {noun} {path}")
        return made


def _fault(stream: DataStream, part: DataPart) -> str | None:
    """Say why rows of an archive cannot go into a stream, None when they can."""
    if stream.layout != part.stream.layout:
        return f"its layout is {stream.layout}, the archive has {part.stream.layout}"
    return "it keeps nothing" if stream.keep_us == KEEP_NONE else None


def _written(time_us: int) -> str:
    """Write a time as Joule 1.0 does: in UTC, without saying so."""
    try:
        return str(_EPOCH + timedelta(microseconds=time_us))
    except OverflowError:
        return str(time_us)


async def stepped(values: Iterator[T]) -> AsyncIterator[T]:
    """Give the values of an iterator that blocks, each made in a thread."""
    while (value := await in_thread(next, values, _DONE)) is not _DONE:
        yield value
