"""An archive that somebody sent: looked through without trust, read in bounded memory.

Everything here blocks; who is on an event loop calls it from threads. Whatever is wrong with the
file ends in :exc:`ArchiveError`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import numpy as np

from joule.models.intervals import MAX_TIME
from joule.models.layout import Layout
from joule.node.archives.directory import ENTRIES_MAX, has_too_many_entries
from joule.node.archives.members import (
    INVALID,
    METADATA,
    ArchiveError,
    Members,
    damaged,
    sorted_members,
)
from joule.node.archives.row_files import read_rows
from joule.utilities.archive_tools import read_metadata
from joule.wire.json_models import (
    data_stream_from_json,
    event_from_json,
    event_stream_from_json,
)
from joule.wire.json_text import decoded_strictly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from zipfile import ZipInfo

    from joule.models.events import Event, EventStream
    from joule.models.layout import Rows
    from joule.models.streams import DataStream

JSON_BYTES_MAX = 64 << 20
"""No file of JSON in an archive may be longer: each is read as a whole."""

TOO_MANY = "it has too many entries, or two of one name"
_BROKEN = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What the standard library raises for what is no zip file, damaged, or encrypted."""


@dataclass(frozen=True)
class DataPart:
    """A data stream in an archive.

    ``previous`` is the timestamp of the row before the first one, when no break lies between them;
    archives of Joule 1.0 do not tell it.
    """

    label: str
    stream: DataStream
    previous: int | None
    members: Members


@dataclass(frozen=True)
class EventPart:
    """An event stream in an archive."""

    label: str
    stream: EventStream
    members: Members


class ArchiveReader:
    """An archive; a context manager that opens it. ``data`` and ``events`` are its streams.

    ``name`` is that of its exporter, ``node`` that of the node which made it.
    """

    def __init__(self, file: Path) -> None:
        self.name = ""
        self.node = ""
        self.data: list[DataPart] = []
        self.events: list[EventPart] = []
        self._file = file
        self._zip: ZipFile | None = None

    def open(self) -> None:
        """Open the file and see what streams are in it."""
        if has_too_many_entries(self._file):
            raise damaged(TOO_MANY)
        try:
            metadata = read_metadata(self._file)
        except ValueError as error:
            raise ArchiveError(INVALID) from error
        self.name, self.node = str(metadata.get("name")), str(metadata.get("node"))
        self._zip = ZipFile(self._file)
        self._check_entries(self._zip.infolist())
        for (kind, _), members in sorted_members(self._zip.namelist()).items():
            if kind == "data":
                self.data.append(self._data_part(members))
            else:
                self.events.append(self._event_part(members))

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> ArchiveReader:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ what is in it

    def rows(self, part: DataPart) -> Iterator[Rows | None]:
        """Give the rows of a stream in order, in pieces of about 1 MiB; None is a break."""
        last: int | None = None
        for name in part.members.content:
            if name in part.members.breaks:
                yield None
                continue
            with self._opened(name) as file:
                for rows in read_rows(file, part.stream.rows_layout, name):
                    last = _checked_times(rows, last, name)
                    yield rows

    def event_blocks(self, part: EventPart) -> Iterator[list[Event]]:
        """Give the events of a stream, file by file."""
        for name in part.members.content:
            values = self._json(name)
            if not isinstance(values, list):
                raise damaged(f"[{name}] is no list of events")
            yield [_made(event_from_json, value, name) for value in values]

    def checks(self) -> Iterator[None]:
        """Read everything, a piece each time; at the end it is known to be sound."""
        for data in self.data:
            for _ in self.rows(data):
                yield
        for events in self.events:
            for _ in self.event_blocks(events):
                yield

    # ------------------------------------------------------------------ inside

    def _check_entries(self, entries: list[ZipInfo]) -> None:
        """Refuse what no exporter makes: entries that share bytes, odd methods, double names."""
        if len(entries) > ENTRIES_MAX or len({each.filename for each in entries}) < len(entries):
            raise damaged(TOO_MANY)
        descriptions = (each for each in entries if each.filename.endswith(METADATA))
        if sum(each.file_size for each in descriptions) > JSON_BYTES_MAX:
            raise damaged("its descriptions are too long")
        if sum(each.compress_size for each in entries) > self._file.stat().st_size:
            raise damaged("its entries overlap")
        for each in entries:
            if each.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or each.flag_bits & 1:
                raise damaged(f"[{each.filename[:200]}] is encrypted, or of another compression")

    def _data_part(self, members: Members) -> DataPart:
        about = self._about(members)
        stream = _made(data_stream_from_json, about["stream_model"], METADATA)
        _check_layout(stream)
        previous = about.get("previous_ts")
        is_time = isinstance(previous, int) and not isinstance(previous, bool)
        return DataPart(about["source_label"], stream, previous if is_time else None, members)

    def _event_part(self, members: Members) -> EventPart:
        about = self._about(members)
        stream = _made(event_stream_from_json, about["stream_model"], METADATA)
        return EventPart(about["source_label"], stream, members)

    def _about(self, members: Members) -> dict[str, Any]:
        if members.metadata is None:
            raise damaged("a stream has no metadata.json")
        about = self._json(members.metadata)
        if not isinstance(about, dict) or not isinstance(about.get("source_label"), str):
            raise damaged(f"[{members.metadata}] has no source_label")
        if "stream_model" not in about:
            raise damaged(f"[{members.metadata}] has no stream_model")
        return about

    def _json(self, name: str) -> Any:
        with self._opened(name) as file:
            try:
                return _value(file.read(JSON_BYTES_MAX + 1))
            except (*_BROKEN, ValueError, RecursionError) as error:
                raise damaged(f"[{name}] cannot be read") from error

    def _opened(self, name: str) -> Any:
        assert self._zip is not None, "it was opened"
        try:
            return self._zip.open(name)
        except _BROKEN as error:
            raise damaged(f"[{name}] cannot be read") from error


def _value(text: bytes) -> Any:
    if len(text) > JSON_BYTES_MAX:
        raise ValueError("it is too long")
    return decoded_strictly(text)


def _made(build: Callable[[Any], Any], value: object, name: str) -> Any:
    try:
        return build(value)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(f"[{name}]: {error}") from error


def _check_layout(stream: DataStream) -> None:
    try:
        Layout.parse(stream.layout)
    except ValueError as error:
        raise damaged(str(error)) from error


def _checked_times(rows: Rows, last: int | None, name: str) -> int:
    """Give the last timestamp of rows that rise from ``last`` on."""
    times = rows["timestamp"]
    rises = bool((np.diff(times) > 0).all()) and (last is None or times[0] > last)
    if not rises or times[-1] == MAX_TIME:
        raise damaged(f"the times in [{name}] do not rise")
    return int(times[-1])
