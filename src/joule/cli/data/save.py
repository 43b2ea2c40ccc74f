"""Rows of a stream into a file of some format.

A file has its name only when it is complete: until then it is beside it, as ``NAME.part``, and it
is removed when the reading fails or is stopped. A file that is there already is replaced at the
end, if there were rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import click

from joule.cli.data.copying import Sink, copy
from joule.cli.data.formats import format_of
from joule.cli.progress import Progress
from joule.wire.json_models import element_to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joule.api import DataStream, Node
    from joule.cli.data.columns import Columns
    from joule.models import Pipe
    from joule.models.layout import Rows


class FileSink(Sink, Protocol):
    """A sink that has to be closed."""

    def close(self) -> None:
        """Finish the file."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file and what is to be in it."""

    path: str
    format: str | None
    mark_breaks: bool

    @property
    def part(self) -> str:
        """Where the file is until it is complete."""
        return f"{self.path}.part"

    @property
    def kind(self) -> str:
        """The format: as asked for, or as the name says, HDF5 if it says nothing."""
        return self.format or format_of(self.path)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows come from; the bounds are those that were asked for."""

    node: Node
    stream: DataStream
    path: str
    start: int | None
    end: int | None
    live: bool


async def save(pipe: Pipe, columns: Columns, target: Target, origin: Origin) -> int:
    """Write what comes out of the pipe to a file; gives the number of rows."""
    sink = _Late(columns, target, origin)
    count = 0
    try:
        count = await _copied(pipe, sink, origin)
    except asyncio.CancelledError:
        count = sink.rows if origin.live else 0
        raise
    finally:
        sink.finish(keep=count > 0)
    return count


async def _copied(pipe: Pipe, sink: _Late, origin: Origin) -> int:
    if origin.live:
        return await copy(pipe, sink)
    intervals = await origin.node.data_intervals(origin.stream, origin.start, origin.end)
    length = intervals[-1][1] - intervals[0][0] if intervals else 0
    with Progress("reading data", length) as progress:
        return await copy(pipe, Watched(sink, progress))


class Watched:
    """A sink that moves a progress bar along by the timestamps that pass through it."""

    def __init__(self, sink: Sink, progress: Progress) -> None:
        self._sink = sink
        self._progress = progress
        self._position: int | None = None

    def write(self, rows: Rows) -> None:
        """Pass ``(n,)`` rows on."""
        self._sink.write(rows)
        first, last = int(rows["timestamp"][0]), int(rows["timestamp"][-1])
        before = first if self._position is None else self._position
        self._progress.advance(len(rows), last - before)
        self._position = last

    def end_interval(self) -> None:
        """Pass the end of an interval on."""
        self._sink.end_interval()


class _Late:
    """A sink into a file that is made when the first rows come."""

    def __init__(self, columns: Columns, target: Target, origin: Origin) -> None:
        self.rows = 0
        self._columns = columns
        self._target = target
        self._origin = origin
        self._sink: FileSink | None = None

    def write(self, rows: Rows) -> None:
        with self._translated():
            if self._sink is None:
                self._sink = _sink(self._columns, self._target, self._origin)
            self._sink.write(rows)
        self.rows += len(rows)

    def end_interval(self) -> None:
        if self._sink is not None:
            self._sink.end_interval()

    def finish(self, *, keep: bool) -> None:
        """Close the file and give it its name, or remove it."""
        part = Path(self._target.part)
        try:
            with self._translated():
                if self._sink is not None:
                    self._sink.close()
                if keep:
                    part.replace(self._target.path)
        finally:
            if self._sink is not None:
                part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise click.ClickException(f"cannot write to [{self._target.path}]: {error}") from error


def _sink(columns: Columns, target: Target, origin: Origin) -> FileSink:
    """Make a sink; each library is loaded by who needs it."""
    attributes = _attributes(columns, origin)
    names = [element.name for element in columns.elements(origin.stream.elements)]
    if target.kind == "hdf5":
        from joule.cli.data.hdf5 import HdfSink

        return HdfSink(target.part, columns, attributes)
    if target.kind == "npy":
        from joule.cli.data.npy import NpySink

        return NpySink(target.part, columns)
    if target.kind == "parquet":
        from joule.cli.data.parquet import ParquetSink

        return ParquetSink(target.part, columns, names, attributes)
    return LineFile(target, columns, names)


class LineFile:
    """A file of text or of comma separated values."""

    def __init__(self, target: Target, columns: Columns, names: list[str]) -> None:
        self._file: IO[bytes] = open(target.part, "wb")  # noqa: SIM115 - closed by close
        if target.kind == "csv":
            from joule.cli.data.csv_rows import CsvSink

            marks = target.mark_breaks
            self._lines: Sink = CsvSink(self._file.write, columns, names, mark_breaks=marks)
        else:
            from joule.cli.data.text import TextSink

            self._lines = TextSink(columns, self._file.write, mark_breaks=target.mark_breaks)

    def write(self, rows: Rows) -> None:
        """Append ``(n,)`` rows."""
        self._lines.write(rows)

    def end_interval(self) -> None:
        """Take note that an interval ends."""
        self._lines.end_interval()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def _attributes(columns: Columns, origin: Origin) -> dict[str, str]:
    elements = columns.elements(origin.stream.elements)
    return {
        "node_name": origin.node.name,
        "node_url": origin.node.url,
        "path": origin.path,
        "elements": json.dumps([element.name for element in elements]),
        "element_json": json.dumps([element_to_json(element) for element in elements]),
    }
