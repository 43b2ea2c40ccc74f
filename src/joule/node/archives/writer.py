"""An archive in the making. It is there under its name, and on the disk for certain, once closed.

Everything here blocks; who is on an event loop calls it from threads.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from joule.node.archives.files import sync
from joule.node.archives.members import (
    BLOCK_EVENTS_BYTES_MAX,
    BLOCK_ROWS_MAX,
    METADATA,
    VERSION,
    block_name,
    break_name,
    events_name,
    part_metadata,
)
from joule.node.archives.row_files import write_rows
from joule.utilities.archive_tools import ARCHIVE_MAGIC
from joule.wire.json_models import data_stream_to_json, event_stream_to_json, event_to_json
from joule.wire.json_text import encoded

if TYPE_CHECKING:
    from pathlib import Path

    from joule.models.events import Event, EventStream
    from joule.models.layout import Rows
    from joule.models.streams import DataStream

PARTIAL = ".part"
"""What the name of a file ends with until it is complete."""

ENTRY_BYTES = 1 << 10
"""What a file in an archive counts beside its content: readers hold a record of each in memory."""

_LEVEL = 1
"""Of deflate: more takes several times as long, for some percent."""


class ArchiveWriter:
    """Writes an archive to ``file``; :meth:`close` completes it, :meth:`discard` removes it."""

    def __init__(self, file: Path, name: str, node: str, created_us: int) -> None:
        self._file = file
        self._partial = file.with_name(f"{file.name}{PARTIAL}")
        self._about = {
            "name": name,
            "node": node,
            "created_at": created_us,
            "version": VERSION,
            "magic": ARCHIVE_MAGIC,
        }
        self._data: list[DataFiles] = []
        self._events: list[EventFiles] = []
        self.bytes = 0
        self._zip: ZipFile | None = None

    @property
    def zip(self) -> ZipFile:
        """The file that was begun."""
        assert self._zip is not None, "it was opened"
        return self._zip

    def open(self) -> None:
        """Begin the file."""
        self._zip = ZipFile(self._partial, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        for folder in ("data", "events", "modules"):
            self.zip.mkdir(folder)

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a row nor an event in it."""
        parts: list[DataFiles | EventFiles] = [*self._data, *self._events]
        return not any(part.count for part in parts)

    def data(self, label: str, path: str, stream: DataStream) -> DataFiles:
        """Begin with a data stream."""
        part = DataFiles(self, len(self._data), label, path, stream)
        self._data.append(part)
        return part

    def events(self, label: str, path: str, stream: EventStream) -> EventFiles:
        """Begin with an event stream."""
        part = EventFiles(self, len(self._events), label, path, stream)
        self._events.append(part)
        return part

    def put(self, name: str, text: bytes) -> None:
        """Add a file; without a date, for the clock may show one that zip files do not know."""
        with self.zip.open(name, "w") as file:
            file.write(text)
        self.bytes += ENTRY_BYTES

    def close(self) -> None:
        """Add what describes the whole, and see that it is on the disk."""
        parts: list[DataFiles | EventFiles] = [*self._data, *self._events]
        for part in parts:
            part.describe()
        streams = [part.summary() for part in self._data]
        events = [part.summary() for part in self._events]
        about = {**self._about, "data_streams": streams, "event_streams": events}
        self.put(METADATA, encoded(about))
        self.zip.close()
        sync(self._partial)
        self._partial.rename(self._file)
        sync(self._file.parent)

    def discard(self) -> None:
        """Remove what was written before :meth:`close`; idempotent."""
        if self._zip is not None:
            with suppress(OSError, ValueError):  # where no room is left, or a file is not complete
                self._zip.close()
        self._partial.unlink(missing_ok=True)


class DataFiles:
    """The files of a data stream in an archive that is being written."""

    def __init__(
        self, archive: ArchiveWriter, index: int, label: str, path: str, stream: DataStream
    ) -> None:
        archive.zip.mkdir(f"data/{index}/data")
        self.count = 0
        self._archive = archive
        self._index = index
        self._stream = stream
        self._about = {"source_label": label, "stream_path": path}
        self._previous: int | None = None
        self._intervals = 1
        self._bounds: tuple[int, int] | None = None

    def add(self, rows: Rows, previous: int | None, has_break: bool) -> None:
        """Add rows, at least one, in the layout of the stream.

        ``previous`` is the timestamp of the row before them, which may have been in an archive
        before this one, ``has_break`` says whether a break lies between.
        """
        if has_break and previous is not None:
            self._archive.put(break_name(self._index, previous), b" ")
            self._intervals += self._bounds is not None
        elif self._bounds is None:
            self._previous = previous
        for start in range(0, len(rows), BLOCK_ROWS_MAX):
            self._add(rows[start : start + BLOCK_ROWS_MAX])

    def _add(self, rows: Rows) -> None:
        first, last = int(rows["timestamp"][0]), int(rows["timestamp"][-1])
        with self._archive.zip.open(block_name(self._index, last), "w") as file:
            write_rows(file, rows)
        self._archive.bytes += rows.nbytes + ENTRY_BYTES
        self.count += len(rows)
        self._bounds = (first if self._bounds is None else self._bounds[0], last)

    def describe(self) -> None:
        """Add the description of the stream."""
        about = {
            **self._about,
            "stream_model": data_stream_to_json(self._stream),
            "previous_ts": self._previous,
        }
        self._archive.put(part_metadata("data", self._index), encoded(about))

    def summary(self) -> dict[str, Any]:
        """Give what the description of the whole says of the stream."""
        start, end = self._bounds or (None, None)
        return {
            **self._about,
            "stream_layout": self._stream.layout,
            "start_ts": start,
            "end_ts": end,
            "row_count": self.count,
            "interval_count": self._intervals,
        }


class EventFiles:
    """The files of an event stream in an archive that is being written."""

    def __init__(
        self, archive: ArchiveWriter, index: int, label: str, path: str, stream: EventStream
    ) -> None:
        archive.zip.mkdir(f"events/{index}/data")
        self.count = 0
        self._archive = archive
        self._index = index
        self._stream = stream
        self._about = {"source_label": label, "stream_path": path}
        self._bounds: tuple[int, int] | None = None
        self._number = 0

    def add(self, events: list[Event]) -> None:
        """Add events, at least one, that do not start before those added before."""
        texts: list[bytes] = []
        first = length = 0
        for index, event in enumerate(events):
            text = encoded(event_to_json(event))
            if texts and length + len(text) > BLOCK_EVENTS_BYTES_MAX:
                self._add(events[first:index], texts)
                first, texts, length = index, [], 0
            texts.append(text)
            length += len(text)
        self._add(events[first:], texts)

    def _add(self, events: list[Event], texts: list[bytes]) -> None:
        """Add a file of events."""
        first, last = events[0].start_time, events[-1].start_time
        is_same = self._bounds is not None and self._bounds[1] == last
        self._number = self._number + 1 if is_same else 0
        text = b"[" + b",".join(texts) + b"]"
        self._archive.put(events_name(self._index, last, self._number), text)
        self._archive.bytes += len(text)
        self.count += len(events)
        self._bounds = (first if self._bounds is None else self._bounds[0], last)

    def describe(self) -> None:
        """Add the description of the stream."""
        about = {**self._about, "stream_model": event_stream_to_json(self._stream)}
        self._archive.put(part_metadata("events", self._index), encoded(about))

    def summary(self) -> dict[str, Any]:
        """Give what the description of the whole says of the stream."""
        start, end = self._bounds or (None, None)
        return {
            **self._about,
            "event_fields": self._stream.event_fields,
            "start_ts": start,
            "end_ts": end,
            "event_count": self.count,
        }
